/**
 * Where the configuration text comes from: `--config-string`, the file of `--config`, or the default file.
 * @module
 */
import { AppError, osMessage } from "../../base/errors.ts";
import { type ConfigText, MAX_CONFIG_BYTES } from "./file.ts";
import type { StartFlags } from "./flags.ts";
import { quote } from "../../base/quote.ts";

/** The file that is read when none is named; it need not exist. */
export const DEFAULT_CONFIG_PATH = "/etc/teleport.yaml";

/**
 * Finds and reads the configuration text; an empty one when nothing was named and the default file is missing.
 * @throws {AppError} not_found for a file that cannot be read, bad_input for a bad `--config-string`.
 */
export async function findConfigText(
  flags: StartFlags,
  readTextFile: (path: string) => Promise<string>,
): Promise<ConfigText> {
  if (flags.configString !== undefined) {
    return { name: "--config-string", text: decode(flags.configString) };
  }
  const name = flags.config ?? DEFAULT_CONFIG_PATH;
  try {
    return { name, text: await readTextFile(name) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      if (flags.config === undefined) return { name, text: "" };
      throw new AppError("not_found", `there is no configuration file ${quote(name)}; see --config`);
    }
    if (!(error instanceof Error)) throw error;
    throw new AppError("not_found", `cannot read the configuration file ${quote(name)}: ${osMessage(error)}`);
  }
}

function decode(base64: string): string {
  const refusal = "--config-string (TELEPORT_CONFIG) must hold a configuration file in base64";
  if (base64.length > MAX_CONFIG_BYTES * 1.5) {
    throw new AppError("bad_input", `${refusal} of at most 1 MiB`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)),
    );
  } catch (error) {
    // atob throws a DOMException, the decoder a TypeError; both mean the same to the caller.
    if (error instanceof DOMException || error instanceof TypeError) throw new AppError("bad_input", refusal);
    throw error;
  }
}
