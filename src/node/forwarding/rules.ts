/**
 * Where it is listened for clients.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { OsUser } from "../os/user.ts";

const FIRST_UNPRIVILEGED = 1024;

/** @throws {AppError} access_denied */
export function checkPort(port: number, user: OsUser): void {
  if (port === 0 || port >= FIRST_UNPRIVILEGED || user.uid === 0) return;
  throw new AppError(
    "access_denied",
    `ports below ${FIRST_UNPRIVILEGED} are for root only, not for "${user.name}"`,
  );
}

/**
 * The addresses of this machine that a client's wish for an address leads to. They are loopback addresses whatever was
 * asked for, as with OpenSSH's `GatewayPorts no`: a client may choose between the two, but not open this machine's ports
 * to others.
 */
export function bindAddresses(asked: string): string[] {
  return asked === "127.0.0.1" || asked === "::1" ? [asked] : ["127.0.0.1", "::1"];
}
