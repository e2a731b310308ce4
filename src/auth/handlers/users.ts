/**
 * Users: invitations, accounts and logins.
 * @module
 */
import type { userCalls } from "../../api/contract/users.ts";
import type { Handlers } from "../../api/serve.ts";
import { Secret } from "../../base/secret.ts";
import { describe } from "../../model/identity.ts";
import { INVITE_TTL } from "../../model/limits.ts";
import { formatCertificateLine } from "../../ssh/certificate.ts";
import type { AuthService } from "../service.ts";

export function userHandlers(auth: AuthService): Pick<Handlers, keyof typeof userCalls> {
  const { users, signup, login, issuer, authorities, audit } = auth;
  return {
    "users.invite": async ({ name, logins, ttl = INVITE_TTL.default }, { identity, address }) => {
      const invitation = await signup.invite(name, logins, ttl, describe(identity));
      await audit.emit({
        event: "user.invite",
        user: name,
        logins: logins.join(","),
        by: describe(identity),
        "addr.remote": address,
      });
      auth.changes.changed("tokens");
      return invitation;
    },
    "users.list": () => users.list(),
    "users.remove": async ({ name }, { identity, address }) => {
      await users.remove(name);
      await audit.emit({ event: "user.delete", user: name, by: describe(identity), "addr.remote": address });
      auth.changes.changed("users");
      return {};
    },
    "signup.get": async ({ token }) => ({
      ...await signup.describe(new Secret(token)),
      secondFactor: auth.settings.secondFactor,
    }),
    "signup.complete": async ({ token, password, otp, address }) => {
      const user = await signup.complete(new Secret(token), new Secret(password), new Secret(otp));
      await audit.emit({ event: "user.create", user, "addr.remote": address });
      auth.changes.changed("users");
      return {};
    },
    "login.password": async (request) => {
      const user = await login.check({
        user: request.user,
        password: new Secret(request.password),
        otp: new Secret(request.otp),
        address: request.address,
      });
      const certificate = await issuer.forUser(user, request.publicKey, request.ttl);
      return {
        user: user.name,
        certificate: formatCertificateLine(certificate, user.name),
        cluster: authorities.cluster,
        hostAuthorities: authorities.trusted("host").map((key) => key.toLine()),
      };
    },
  };
}
