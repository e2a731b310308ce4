/**
 * The API's handlers: thin, each hands on to the part that knows. Access rules were checked before; what depends on the
 * input is checked in them. One file a subject, as in the contract.
 * @module
 */
import type { Handlers } from "../api/serve.ts";
import { accessHandlers } from "./handlers/access.ts";
import { accountHandlers } from "./handlers/account.ts";
import { authorityHandlers } from "./handlers/authorities.ts";
import { auditHandlers } from "./handlers/audit.ts";
import { clusterHandlers } from "./handlers/cluster.ts";
import { clusterLinkHandlers } from "./handlers/clusters.ts";
import { hostHandlers } from "./handlers/hosts.ts";
import { resourceHandlers } from "./handlers/resources.ts";
import { sessionHandlers } from "./handlers/sessions.ts";
import { ssoHandlers } from "./handlers/sso.ts";
import { tokenHandlers } from "./handlers/tokens.ts";
import { userHandlers } from "./handlers/users.ts";
import { webSessionHandlers } from "./handlers/web_sessions.ts";
import type { AuthService } from "./service.ts";

export function authHandlers(auth: AuthService): Handlers {
  return {
    ...clusterHandlers(auth),
    ...clusterLinkHandlers(auth),
    ...authorityHandlers(auth),
    ...hostHandlers(auth),
    ...userHandlers(auth),
    ...tokenHandlers(auth),
    ...auditHandlers(auth),
    ...accessHandlers(auth),
    ...resourceHandlers(auth),
    ...sessionHandlers(auth),
    ...webSessionHandlers(auth),
    ...accountHandlers(auth),
    ...ssoHandlers(auth),
  };
}
