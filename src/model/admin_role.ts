/**
 * The role that is built in.
 *
 * Everybody gets `admin` who is not given another role, so it must not make its holders masters of the cluster: it
 * allows every node, but only with the logins of the user's own record, and of the cluster's resources it lets see what
 * holds no secret. Who is to administer the cluster from afar gets a role made for that; the administrator's own
 * identity on the auth server needs none.
 * @module
 */
import { CERTIFICATE_TTL } from "./limits.ts";
import type { Conditions, Role, RoleOptions } from "./role.ts";
import { ADMIN_ROLE } from "./user.ts";

/** The options of a role that says nothing about them. X11 is off unless asked for, as in sshd. */
export const DEFAULT_OPTIONS: Readonly<RoleOptions> = {
  maxSessionTtl: CERTIFICATE_TTL.max,
  forwardAgent: false,
  portForwarding: true,
  x11Forwarding: false,
  clientIdleTimeout: 0,
  disconnectExpiredCert: false,
  certFormat: "standard",
};

/** A side of a role that says nothing. */
export const NO_CONDITIONS: Readonly<Conditions> = { logins: [], nodeLabels: {}, rules: [] };

const admin: Role = {
  name: ADMIN_ROLE,
  options: { ...DEFAULT_OPTIONS, forwardAgent: true, x11Forwarding: true },
  allow: {
    logins: ["{{internal.logins}}"],
    nodeLabels: { "*": ["*"] },
    rules: [
      { resources: ["session", "event"], verbs: ["list", "read"] },
      { resources: ["role", "auth_connector", "trusted_cluster"], verbs: ["list", "readnosecrets"] },
      { resources: ["node", "proxy", "auth_server"], verbs: ["list", "read"] },
    ],
  },
  deny: NO_CONDITIONS,
};

export const BUILT_IN_ROLES: ReadonlyMap<string, Role> = new Map([[admin.name, admin]]);
