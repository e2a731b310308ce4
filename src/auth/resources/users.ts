/**
 * Users as resources.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import type { ParsedDocument } from "../../model/resource/parse.ts";
import { keepingLock } from "../../model/user.ts";
import { statusOf, userDocument, userOf, type UserRecord } from "../../model/resource/user.ts";
import type { Lockout } from "../login/lockout.ts";
import type { Roles } from "../roles.ts";
import type { StoredUser, Users } from "../users.ts";
import {
  conflict,
  type Outcome,
  type RemovableKind,
  requireState,
  saysTheSame,
  type WritableKind,
  type WriteContext,
} from "./kind.ts";

/** @throws {AppError} bad_input when a role does not exist: its name would give whoever creates it later a say */
export async function requireRoles(roles: Roles, names: readonly string[], user: string): Promise<void> {
  const [missing] = await roles.missing(names);
  if (missing === undefined) return;
  throw new AppError(
    "bad_input",
    `user "${user}" cannot have the role "${missing}", which does not exist; "tctl get roles" lists the roles`,
  );
}

export class UserResources implements WritableKind<"user">, RemovableKind {
  constructor(
    readonly users: Users,
    readonly roles: Roles,
    readonly lockout: Lockout,
    /** Called with the name of a removed user. */
    readonly onRemoved: (name: string) => Promise<void>,
  ) {}

  async list(withSecrets: boolean): Promise<ResourceDocument[]> {
    const stored = await this.users.listStored();
    return await Promise.all(stored.map((one) => this.#document(one, withSecrets)));
  }

  async get(name: string, withSecrets: boolean): Promise<ResourceDocument[]> {
    const stored = await this.users.stored(name);
    return stored ? [await this.#document(stored, withSecrets)] : [];
  }

  async #document({ user, version }: StoredUser, withSecrets: boolean): Promise<ResourceDocument> {
    const auth = withSecrets ? (await this.users.credentials(user.name))?.credentials : undefined;
    return userDocument(user, { revision: version, lock: await this.lockout.lockOf(user), auth });
  }

  async put(document: ParsedDocument<"user">, { existing, author, now }: WriteContext): Promise<Outcome> {
    const { user: wanted, auth } = userOf(document, now);
    const { name } = wanted;
    if (wanted.expires !== undefined && wanted.expires <= now) {
      throw new AppError("bad_input", `user "${name}" would be gone at once: spec.expires lies in the past`);
    }
    await requireRoles(this.roles, wanted.roles, name);
    const stored = await this.users.stored(name);
    requireState("user", name, existing, stored?.version);
    if (!stored) {
      const made = { ...wanted, createdBy: wanted.createdBy || author };
      if (!await this.users.create(made, auth)) throw conflict("user", name);
      return { change: "created", ...(auth ? {} : { advice: noPassword(name) }) };
    }
    const lock = await this.#lock(document, stored.user, wanted);
    const { created, createdBy, connector } = stored.user; // who made the user does not change
    const user: UserRecord = keepingLock({ ...wanted, created, createdBy, connector, lock: lock.kept });
    const known = (await this.users.credentials(name))?.credentials;
    const sameAuth = auth === undefined || saysTheSame(auth, known);
    if (sameAuth && saysTheSame(user, stored.user) && !lock.clears) return { change: "unchanged" };
    if (!await this.users.update(user, stored.version, sameAuth ? undefined : auth)) {
      throw conflict("user", name);
    }
    if (lock.clears) await this.lockout.clear(name);
    return { change: "updated" };
  }

  /**
   * What the document says about the lock. It shows the lock that holds, also one after failed logins: as long as it is
   * not touched, nothing changes; `is_locked: false` ends both sorts.
   */
  async #lock(
    { spec }: ParsedDocument<"user">,
    before: UserRecord,
    wanted: UserRecord,
  ): Promise<{ kept: UserRecord["lock"]; clears: boolean }> {
    const shown = await this.lockout.lockOf(before);
    const untouched = spec.status?.is_locked === undefined ||
      saysTheSame(statusOf(wanted.lock), statusOf(shown));
    if (untouched) return { kept: before.lock, clears: false };
    return { kept: wanted.lock, clears: !wanted.lock && shown !== undefined && shown !== before.lock };
  }

  async remove(name: string): Promise<boolean> {
    if (!await this.users.get(name)) return false;
    await this.users.remove(name);
    await this.onRemoved(name);
    return true;
  }
}

function noPassword(name: string): string {
  return `user "${name}" has no password yet: "tctl users reset ${name}" makes the link to choose one`;
}
