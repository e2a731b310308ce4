/**
 * Single sign-on, for proxies.
 * @module
 */
import type { ssoCalls } from "../../api/contract/sso.ts";
import type { Handlers } from "../../api/serve.ts";
import { AppError } from "../../base/errors.ts";
import type { AuthService } from "../service.ts";
import { openWebSession } from "./web_sessions.ts";

export function ssoHandlers(auth: AuthService): Pick<Handlers, keyof typeof ssoCalls> {
  const { sso, webSessions, users, ssoRequests, connectors } = auth;
  return {
    "sso.begin": ({ kind, connector, purpose, address }) => sso.begin(kind, connector, purpose, address),
    "sso.finish": ({ kind, browser, fields, address }) => sso.finish(kind, fields, browser, address),
    "sso.claim": async ({ user: name, claim, address, ...keys }) => {
      const proven = await ssoRequests.takeClaim(claim);
      const stamp = await webSessions.stamp(name);
      const user = await users.get(name);
      if (proven?.user !== name || stamp === undefined || !user || user.created !== proven.created) {
        throw new AppError("unauthenticated", "this login was used already, or took too long; sign in again");
      }
      return await openWebSession(auth, { user, stamp, address, ...keys });
    },
    "sso.metadata": async ({ connector }) => {
      const [{ entityIdOf }, { ownMetadata }] = await Promise.all([
        import("../login/sso/saml/saml.ts"),
        import("../login/sso/saml/metadata.ts"),
      ]);
      const { document } = await connectors.get("saml", connector);
      const spec = connectors.samlSpec(document);
      const cert = spec.signing_key_pair?.cert ?? "";
      return { xml: ownMetadata({ entityId: entityIdOf(spec), acs: spec.acs, cert }) };
    },
  };
}
