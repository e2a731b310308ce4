/**
 * Join tokens and invitations.
 * @module
 */
import type { tokenCalls } from "../../api/contract/tokens.ts";
import type { Handlers } from "../../api/serve.ts";
import { AppError } from "../../base/errors.ts";
import { describe } from "../../model/identity.ts";
import { JOIN_TOKEN_TTL } from "../../model/limits.ts";
import type { AuthService } from "../service.ts";

export function tokenHandlers(auth: AuthService): Pick<Handlers, keyof typeof tokenCalls> {
  const { signup, tokens, audit } = auth;
  return {
    "tokens.create": async ({ roles, ttl = JOIN_TOKEN_TTL.default, token }, { identity, address }) => {
      const created = await tokens.create(roles, ttl, token);
      await audit.emit({
        event: "token.create",
        roles: roles.join(","),
        expires: new Date(created.expires).toISOString(),
        by: describe(identity),
        "addr.remote": address,
      });
      auth.changes.changed("tokens");
      return created;
    },
    "tokens.list": async () => {
      const invitations = (await signup.list()).map(({ token, user, expires }) => ({
        token,
        user,
        expires,
        roles: ["signup" as const],
        static: false,
      }));
      const joins = (await tokens.active()).map(({ token, roles, expires, static: fixed }) => ({
        token,
        roles,
        expires,
        static: fixed,
      }));
      return [...joins, ...invitations].sort((a, b) => (a.expires ?? 0) - (b.expires ?? 0));
    },
    "tokens.remove": async ({ token }, { identity, address }) => {
      if (!await tokens.remove(token) && !await signup.revoke(token)) {
        throw new AppError("not_found", 'there is no such token; "tctl tokens ls" lists them');
      }
      await audit.emit({ event: "token.delete", by: describe(identity), "addr.remote": address });
      auth.changes.changed("tokens");
      return {};
    },
  };
}
