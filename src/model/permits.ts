/**
 * What a certificate permits beside the login itself, asked for one thing at a time.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { Permit, UserIdentity } from "./identity.ts";

/** Connections of any kind, to here or from here. @throws {AppError} access_denied */
export function checkForwarding(identity: UserIdentity): void {
  if (identity.forceCommand !== undefined || !identity.permits.has("port-forwarding")) {
    throw new AppError("access_denied", "port forwarding is not permitted by your certificate");
  }
}

/** What a session brings along. @throws {AppError} access_denied */
export function checkPermit(identity: UserIdentity, permit: Permit): void {
  if (identity.permits.has(permit)) return;
  throw new AppError("access_denied", `${permit.replace("-", " ")} is not permitted by your certificate`);
}
