/**
 * Roles and users for the hosts that decide with them.
 * @module
 */
import type { accessCalls } from "../../api/contract/access.ts";
import type { Handlers } from "../../api/serve.ts";
import { AppError } from "../../base/errors.ts";
import { describe } from "../../model/identity.ts";
import { KIND_NAMES } from "../../model/resource/kinds.ts";
import { VERBS } from "../../model/role.ts";
import type { AuthService } from "../service.ts";

/** What rules can be about: resources, and what else is listed. */
const SUBJECTS = [...KIND_NAMES, "session", "event"];

export function accessHandlers(auth: AuthService): Pick<Handlers, keyof typeof accessCalls> {
  return {
    "access.get": async ({ known }) => {
      const { version, snapshot } = await auth.snapshots.current();
      return known === version ? { version } : { version, snapshot };
    },
    "access.mine": async (_input, { identity, rights }) => {
      if (identity.kind !== "user" || !rights) {
        throw new AppError("access_denied", `${describe(identity)} is no user`);
      }
      const verbs = (kind: string) => VERBS.filter((verb) => rights.mayForSome(kind, verb));
      // How another cluster's users log in is that cluster's matter.
      const connector = identity.foreign ? undefined : (await auth.users.get(identity.name))?.connector;
      return {
        name: identity.name,
        roles: rights.roles.map(({ name }) => name),
        logins: rights.logins().filter((login) => identity.logins.includes(login)),
        rights: Object.fromEntries(SUBJECTS.map((kind) => [kind, verbs(kind)])),
        ...(connector ? { connector: connector.name } : {}),
      };
    },
  };
}
