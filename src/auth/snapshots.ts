/**
 * The snapshot of roles and users that hosts decide with. It is made once for each change, not once for each host: after
 * a change all of them ask for it.
 * @module
 */
import { createHash } from "node:crypto";
import { type AccessSnapshot, accessSnapshot, type SessionPolicy } from "../model/access_snapshot.ts";
import type { ForeignUsers } from "../model/trusted_cluster.ts";
import type { Changes } from "./changes.ts";
import type { Roles } from "./roles.ts";
import type { Users } from "./users.ts";

export interface VersionedSnapshot {
  /** The same on every auth server that has the same roles and users. */
  version: string;
  snapshot: AccessSnapshot;
}

export class Snapshots {
  #current: Promise<VersionedSnapshot> | undefined;

  constructor(
    readonly users: Users,
    readonly roles: Roles,
    changes: Changes,
    readonly sessions: SessionPolicy,
    readonly foreign: () => readonly ForeignUsers[] = () => [],
  ) {
    changes.forget((collection) => {
      if (collection === "users" || collection === "roles") this.#current = undefined;
    });
  }

  async current(): Promise<VersionedSnapshot> {
    const made = this.#current ??= this.#make();
    try {
      return await made;
    } catch (error) {
      if (this.#current === made) this.#current = undefined; // the store may be back for the next one
      throw error;
    }
  }

  async #make(): Promise<VersionedSnapshot> {
    const [roles, users] = await Promise.all([this.roles.list(), this.users.list()]);
    const snapshot = accessSnapshot(roles.map(({ role }) => role), users, this.sessions, this.foreign());
    const version = createHash("sha256").update(JSON.stringify(snapshot)).digest("hex").slice(0, 32);
    return { version, snapshot };
  }
}
