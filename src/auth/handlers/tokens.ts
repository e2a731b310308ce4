/**
 * Join tokens and invitations.
 * @module
 */
import { allowed, demand } from "../../api/access.ts";
import type { tokenCalls } from "../../api/contract/tokens.ts";
import type { Handlers } from "../../api/serve.ts";
import { AppError } from "../../base/errors.ts";
import { describe } from "../../model/identity.ts";
import { JOIN_TOKEN_TTL } from "../../model/limits.ts";
import { type JoinToken, tokenId, tokenName } from "../join/tokens.ts";
import { tokenDocument } from "../resources/tokens.ts";
import type { AuthService } from "../service.ts";

export function tokenHandlers(auth: AuthService): Pick<Handlers, keyof typeof tokenCalls> {
  const { signup, tokens, audit } = auth;
  const target = (token: JoinToken) => ({ resource: tokenDocument(token, false) });
  return {
    "tokens.create": async ({ roles, ttl = JOIN_TOKEN_TTL.default, token }, context) => {
      const { identity, address } = context;
      const wanted: JoinToken = { token: token ?? "", roles, expires: auth.clock.now() + ttl, static: false };
      demand(context, "token", "create", target(wanted));
      const created = await tokens.create(roles, ttl, token);
      await audit.emit({
        event: "token.create",
        roles: roles.join(","),
        token: tokenId(created.token),
        expires: new Date(created.expires).toISOString(),
        by: describe(identity),
        "addr.remote": address,
      });
      auth.changes.changed("tokens");
      return created;
    },
    "tokens.list": async (_input, context) => {
      const invitations = (await signup.list()).map(({ token, user, expires }) => ({
        token,
        user,
        expires,
        roles: ["signup" as const],
        static: false,
      }));
      const joins = (await tokens.active()).filter((token) =>
        allowed(context, "token", "read", target(token))
      )
        .map(({ token, roles, expires, static: fixed }) => ({ token, roles, expires, static: fixed }));
      const shown = allowed(context, "token", "read") ? [...joins, ...invitations] : joins;
      if (shown.length > 0) {
        await audit.emit({
          event: "resource.secrets",
          user: describe(context.identity),
          kind: "token",
          count: shown.length,
          "addr.remote": context.address,
        });
      }
      return shown.sort((a, b) => (a.expires ?? 0) - (b.expires ?? 0));
    },
    "tokens.remove": async ({ token }, context) => {
      const { identity, address } = context;
      const known = (await tokens.all()).find((join) => join.token === token || tokenName(join) === token);
      demand(context, "token", "delete", known && target(known));
      const value = known?.token ?? token;
      if (!await tokens.remove(value) && !await signup.revoke(value)) {
        throw new AppError("not_found", 'there is no such token; "tctl tokens ls" lists them');
      }
      await audit.emit({
        event: "token.delete",
        token: tokenId(value),
        by: describe(identity),
        "addr.remote": address,
      });
      auth.changes.changed("tokens");
      return {};
    },
  };
}
