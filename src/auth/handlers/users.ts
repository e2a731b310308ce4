/**
 * Users: invitations, accounts and logins.
 * @module
 */
import { allowed, type ApiCaller, demand } from "../../api/access.ts";
import type { userCalls } from "../../api/contract/users.ts";
import type { CallContext, Handlers } from "../../api/serve.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import type { EventFields, EventName, EventValue } from "../../model/event.ts";
import { describe, type Identity } from "../../model/identity.ts";
import { CERTIFICATE_TTL, INVITE_TTL } from "../../model/limits.ts";
import { userDocument, type UserRecord } from "../../model/resource/user.ts";
import type { Verb } from "../../model/role.ts";
import { ADMIN_ROLE, keepingLock, loginsOf } from "../../model/user.ts";
import { formatCertificateLine } from "../../ssh/certificate.ts";
import { requireRoles } from "../resources/users.ts";
import type { AuthService } from "../service.ts";

/** What a record says of who made it. */
export function authorName(identity: Identity): string {
  return identity.kind === "host" && identity.role === "admin" ? "builtin-Admin" : describe(identity);
}

export function userHandlers(auth: AuthService): Pick<Handlers, keyof typeof userCalls> {
  const { users, signup, login, issuer, authorities, audit, lockout } = auth;
  const event = (
    event: EventName,
    user: string,
    { identity, address }: CallContext,
    more: Record<string, EventValue | undefined> = {},
  ) => audit.emit({ event, user, ...more, by: describe(identity), "addr.remote": address });

  const shown = async (user: UserRecord) => {
    const { name, roles, traits, created, createdBy, expires } = user;
    return { name, roles, traits, created, createdBy, expires, lock: await lockout.lockOf(user) };
  };
  /** Checks the right to the record as it is, and changes it. */
  const change = (
    name: string,
    caller: ApiCaller,
    edit: (user: UserRecord) => UserRecord,
  ): Promise<UserRecord> =>
    users.change(name, (user) => {
      demandUser(caller, "update", user);
      const edited = edit(user);
      demandUser(caller, "update", edited);
      return edited;
    });

  /** Runs something that may be refused; a refusal is an event. */
  const orLogged = async <T>(event: EventFields, run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      if (isAppError(error)) await audit.emit({ ...event, success: false, error: error.message });
      throw error;
    }
  };
  const refusedSignup = <T>(address: string | undefined, user: string | undefined, run: () => Promise<T>) =>
    orLogged({ event: "user.signup", user, "addr.remote": address }, run);

  return {
    "users.invite": async ({ name, logins, roles = [ADMIN_ROLE], ttl = INVITE_TTL.default }, context) => {
      const createdBy = authorName(context.identity);
      demandUser(context, "create", {
        name,
        roles,
        traits: { logins },
        created: auth.clock.now(),
        createdBy,
      });
      await requireRoles(auth.roles, roles, name);
      const invitation = await signup.invite(name, { roles, logins }, ttl, createdBy);
      await event("user.invite", name, context, { logins: logins.join(","), roles: roles.join(",") });
      auth.changes.changed("tokens");
      return invitation;
    },
    "users.list": async (_input, context) => {
      const visible = (await users.list()).filter((user) =>
        allowed(context, "user", "list", { resource: userDocument(user, { lock: user.lock }) })
      );
      return await Promise.all(visible.map(shown));
    },
    "users.update": async ({ name, roles, logins }, context) => {
      if (roles) await requireRoles(auth.roles, roles, name);
      const user = await change(name, context, (before) => ({
        ...before,
        roles: roles ?? before.roles,
        traits: logins ? { ...before.traits, logins } : before.traits,
      }));
      await event("user.update", name, context, {
        roles: user.roles.join(","),
        logins: loginsOf(user).join(","),
      });
      return await shown(user);
    },
    "users.reset": async ({ name, ttl = INVITE_TTL.default }, context) => {
      const user = await users.get(name);
      if (user) demandUser(context, "update", user);
      if (user?.connector) {
        throw new AppError(
          "unsupported",
          `user "${name}" logs in through ${user.connector.kind}/${user.connector.name} and has no password here`,
        );
      }
      const link = await signup.reset(name, ttl, authorName(context.identity));
      await event("user.reset", name, context);
      auth.changes.changed("tokens");
      auth.changes.changed("web_sessions"); // they end with the credentials that opened them
      return link;
    },
    "users.lock": async ({ name, message = "", ttl }, context) => {
      const since = auth.clock.now();
      const lock = { message, since, ...(ttl === undefined ? {} : { until: since + ttl }) };
      const user = await change(name, context, (before) => keepingLock({ ...before, lock }));
      await event("user.lock", name, context, {
        reason: message === "" ? "by an administrator" : message,
        expires: lock.until === undefined ? undefined : new Date(lock.until).toISOString(),
      });
      return await shown(user);
    },
    "users.unlock": async ({ name }, context) => {
      // The record of a user of an identity provider was kept for the lock's sake.
      const ends = auth.clock.now() + CERTIFICATE_TTL.max;
      const user = await change(
        name,
        context,
        ({ lock: _lock, ...unlocked }) => unlocked.connector ? { ...unlocked, expires: ends } : unlocked,
      );
      await lockout.clear(name);
      await event("user.unlock", name, context);
      return await shown(user);
    },
    "users.remove": async ({ name }, context) => {
      const user = await users.get(name);
      if (user) demandUser(context, "delete", user);
      await users.remove(name);
      await signup.revokeFor(name);
      await event("user.delete", name, context);
      return {};
    },
    "signup.get": ({ token, address }) =>
      refusedSignup(address, undefined, () => signup.describe(new Secret(token))),
    "signup.complete": async ({ token, password, otp, address }) => {
      const secret = new Secret(token);
      const { user, isNew } = await refusedSignup(
        address,
        await signup.invited(secret),
        () => signup.complete(secret, new Secret(password), new Secret(otp)),
      );
      await audit.emit({
        event: isNew ? "user.create" : "user.update",
        user,
        "addr.remote": address,
        ...(isNew ? {} : { reason: "chose a new password and second factor" }),
      });
      auth.changes.changed("users");
      return {};
    },
    "login.challenge": ({ user }) => login.challenge(user),
    "login.password": async (request) => {
      const user = await login.check({
        user: request.user,
        password: new Secret(request.password),
        factor: new Secret(request.otp),
        address: request.address,
      });
      const certificate = await orLogged(
        { event: "cert.create", user: user.name, "addr.remote": request.address },
        () => issuer.forUser(user, request.publicKey, request),
      );
      return {
        user: user.name,
        certificate: formatCertificateLine(certificate, user.name),
        cluster: authorities.cluster,
        hostAuthorities: authorities.trusted("host").map((key) => key.toLine()),
      };
    },
  };
}

/** @throws {AppError} access_denied unless the caller may do this to this user */
function demandUser(caller: ApiCaller, verb: Verb, user: UserRecord): void {
  demand(caller, "user", verb, { resource: userDocument(user, { lock: user.lock }) });
}
