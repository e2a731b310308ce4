/**
 * Which OS users this node can start sessions as: any when it runs as root, else only its own.
 * @module
 */
import { AppError } from "../base/errors.ts";
import { printable } from "../ssh/public_key.ts";
import type { NodeConnection } from "./context.ts";
import { currentUser, lookupUser, type OsUser } from "./os/user.ts";

let own: OsUser | undefined;
const users = new WeakMap<NodeConnection, OsUser>();

/**
 * The OS user of a connection, as it was when first asked for: a name service may be slow, and a client may forward many
 * connections. @throws {AppError} not_found or access_denied
 */
export function osLoginOf(connection: NodeConnection): OsUser {
  let user = users.get(connection);
  if (!user) users.set(connection, user = osLogin(connection.username));
  return user;
}

/** @throws {AppError} not_found or access_denied */
export function osLogin(login: string): OsUser {
  const user = lookupUser(login);
  if (!user) throw new AppError("not_found", `there is no OS user "${printable(login)}" on this host`);
  own ??= currentUser(); // the daemon's own user does not change while it runs
  if (own.uid !== 0 && own.uid !== user.uid) {
    throw new AppError(
      "access_denied",
      `this node runs as "${own.name}" and can open sessions only as that user, not as "${user.name}"`,
    );
  }
  return user;
}
