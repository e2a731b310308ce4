/**
 * What users may do at this moment: the roles of their certificate that their record still has, and the traits of the
 * record. What was taken away or is denied counts at once; what was given comes with the next certificate.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { AccessChecker, effectiveRoles } from "../model/access.ts";
import type { UserIdentity } from "../model/identity.ts";
import { barred, type User } from "../model/user.ts";
import type { Roles } from "./roles.ts";
import type { Users } from "./users.ts";

export class Rights {
  constructor(readonly users: Users, readonly roles: Roles, readonly clock: Clock) {}

  /** @throws {AppError} access_denied when the user is gone, locked or expired */
  async of(identity: UserIdentity): Promise<AccessChecker> {
    const user = await this.users.get(identity.name);
    const why = user ? barred(user, this.clock.now()) : "the user does not exist any more";
    if (!user || why !== undefined) {
      throw new AppError("access_denied", `${identity.name} may do nothing: ${why}`);
    }
    const { granted, newer } = effectiveRoles(identity.roles, user.roles);
    return new AccessChecker(await this.roles.named(granted), user, await this.roles.named(newer));
  }

  /** The rights of a user's own record, as a new certificate gets them. */
  async ofUser(user: Pick<User, "name" | "roles" | "traits">): Promise<AccessChecker> {
    return new AccessChecker(await this.roles.named(user.roles), user);
  }
}
