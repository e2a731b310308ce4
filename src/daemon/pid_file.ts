/**
 * The file that names the process which serves: systemd and administrators send their signals there.
 * @module
 */
import { AppError, messageOf } from "../base/errors.ts";

/** Replaces it as a whole, so that nobody reads half of a number. @throws {AppError} unavailable */
export async function writePidFile(path: string): Promise<void> {
  const temporary = `${path}.${Deno.pid}.new`;
  try {
    await Deno.writeTextFile(temporary, `${Deno.pid}\n`, { mode: 0o644 });
    await Deno.rename(temporary, path);
  } catch (error) {
    const text = `the pid file ${path} cannot be written: ${
      messageOf(error)
    }; choose another with --pid-file`;
    throw new AppError("unavailable", text, { cause: error });
  }
}

/** Removes it, unless it names another process by now. @returns what went wrong, if it matters */
export async function removePidFile(path: string): Promise<string | undefined> {
  try {
    const pid = Number(await Deno.readTextFile(path));
    if (pid === Deno.pid) await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      return `the pid file ${path} cannot be removed: ${messageOf(error)}`;
    }
  }
}
