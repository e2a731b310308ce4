/**
 * Waiting for a program that is started by way of PAM.
 * @module
 */
import type { Readable, Writable } from "node:stream";
import { isAppError } from "../../base/errors.ts";
import { pump } from "../../session/pump.ts";
import type { Child, Opening } from "../os/launch.ts";

/**
 * Settles when the program runs.
 * @param said where modules tell why it does not, and `to` who is to read that
 * @throws {AppError} when it never will
 */
export async function whenOpened(
  { opened, killSession }: Opening & Pick<Child, "killSession">,
  said: Readable,
  to: Writable,
  gone: Promise<void>,
): Promise<void> {
  try {
    await opened;
  } catch (error) {
    // Who refuses ends by itself, once the session is closed again; who hangs would hold the client for good.
    if (!isAppError(error, "access_denied")) killSession();
    await Promise.race([pump(said, to, gone), gone]);
    throw error;
  }
}
