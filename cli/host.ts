/**
 * What the configuration loader needs to know of this machine.
 * @module
 */
import { AppError } from "../src/base/errors.ts";
import type { ConfigHost } from "../src/daemon/config/load.ts";

const MAX_FILE = 1024 * 1024;

export function configHost(): ConfigHost {
  return {
    hostname: Deno.hostname(),
    uid: Deno.uid() ?? 0,
    home: Deno.env.get("HOME"),
    cwd: Deno.cwd(),
    async readTextFile(path) {
      const { size } = await Deno.stat(path);
      if (size > MAX_FILE) throw new AppError("bad_input", `${path} is too large for a configuration file`);
      return await Deno.readTextFile(path);
    },
  };
}
