/**
 * Waiting for a program that is started by way of PAM.
 * @module
 */
import type { Readable, Writable } from "node:stream";
import { pump } from "../../session/pump.ts";
import type { Opening } from "../os/launch.ts";

/**
 * Settles when the program runs.
 * @param said where modules tell why it does not, and `to` who is to read that
 * @throws {AppError} when it never will
 */
export async function whenOpened(
  { opened }: Opening,
  said: Readable,
  to: Writable,
  gone: Promise<void>,
): Promise<void> {
  try {
    await opened;
  } catch (error) {
    await Promise.race([pump(said, to, gone), gone]);
    throw error;
  }
}
