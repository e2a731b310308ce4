/**
 * What users may do at this moment: the roles of their certificate that their record still has, and the traits of the
 * record. What was taken away or is denied counts at once; what was given comes with the next certificate.
 * @module
 */
import { foreignRights } from "../api/cluster_access.ts";
import type { Clock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { AccessChecker, effectiveRoles } from "../model/access.ts";
import type { UserIdentity } from "../model/identity.ts";
import { mapRoles } from "../model/role_map.ts";
import { barred, type User } from "../model/user.ts";
import type { ForeignUsers } from "../model/trusted_cluster.ts";
import type { Roles } from "./roles.ts";
import type { Users } from "./users.ts";

export class Rights {
  /** @param foreign the other clusters whose users are let in */
  constructor(
    readonly users: Users,
    readonly roles: Roles,
    readonly clock: Clock,
    readonly foreign: () => readonly ForeignUsers[] = () => [],
  ) {}

  /** @throws {AppError} access_denied when the user is gone, locked or expired */
  async of(identity: UserIdentity): Promise<AccessChecker> {
    if (identity.foreign) return await this.#ofForeign(identity);
    const user = await this.users.get(identity.name);
    const why = user ? barred(user, this.clock.now()) : "the user does not exist any more";
    if (!user || why !== undefined) {
      throw new AppError("access_denied", `${identity.name} may do nothing: ${why}`);
    }
    const { granted, newer } = effectiveRoles(identity.roles, user.roles);
    return new AccessChecker(await this.roles.named(granted), user, await this.roles.named(newer));
  }

  /** Of another cluster's user: that cluster knows who is locked or gone, and lets nobody through who is. */
  async #ofForeign(identity: UserIdentity): Promise<AccessChecker> {
    const trusted = this.foreign().find(({ cluster }) => cluster === identity.cluster);
    const mapped = trusted ? mapRoles(trusted.roleMap, identity.roles ?? []) : [];
    const rights = foreignRights(identity, await this.roles.named(mapped));
    if (rights.roles.length > 0) return rights;
    throw new AppError(
      "access_denied",
      `${identity.name} may do nothing: no role of theirs is mapped to a role of this cluster`,
    );
  }

  /** The rights of a user's own record, as a new certificate gets them. */
  async ofUser(user: Pick<User, "name" | "roles" | "traits">): Promise<AccessChecker> {
    return new AccessChecker(await this.roles.named(user.roles), user);
  }
}
