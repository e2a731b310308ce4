/**
 * The API's handlers: thin, each hands on to the part that knows. Access rules were checked before; what depends on the
 * input is checked here.
 * @module
 */
import { Buffer } from "node:buffer";
import type { CallContext, Handlers } from "../api/serve.ts";
import { AppError } from "../base/errors.ts";
import { Secret } from "../base/secret.ts";
import { EVENT_NAMES, type EventFields, type EventName } from "../model/event.ts";
import { describe, type HostIdentity, type JoinerIdentity } from "../model/identity.ts";
import { INVITE_TTL, JOIN_TOKEN_TTL } from "../model/limits.ts";
import { hostOf } from "../model/server.ts";
import { ADMIN_ROLE } from "../model/user.ts";
import { VERSION } from "../model/version.ts";
import { formatCertificateLine } from "../ssh/certificate.ts";
import type { AuthService } from "./service.ts";

/** Events that hosts may report; all others are the auth server's own to make. */
const REPORTED: ReadonlySet<EventName> = new Set([
  "auth",
  "session.start",
  "session.end",
  "session.join",
  "session.leave",
  "resize",
  "exec",
  "scp",
  "sftp",
  "port",
  "subsystem",
  "events.lost",
]);

export function authHandlers(auth: AuthService): Handlers {
  const { users, signup, login, tokens, hosts, issuer, authorities, presence, audit, recordings, clock } =
    auth;
  return {
    "cluster.get": () =>
      Promise.resolve({
        name: authorities.cluster,
        version: VERSION,
        secondFactor: auth.settings.secondFactor,
        sessionRecording: auth.settings.sessionRecording,
      }),
    "authorities.list": () => Promise.resolve(authorities.list()),

    "hosts.join": async (request, { identity, address }) => {
      const joiner = identity as JoinerIdentity;
      const namesOf = await hosts.admit(joiner, request, clock.now());
      const certificates = await Promise.all(request.keys.map(async ({ role, publicKey }) => {
        const certificate = await issuer.forHost(
          { hostId: request.hostId, role, names: namesOf(role) },
          publicKey,
        );
        return { role, certificate: formatCertificateLine(certificate) };
      }));
      await audit.emit({
        event: "host.join",
        success: true,
        server_id: request.hostId,
        name: request.name,
        roles: request.keys.map(({ role }) => role).join(","),
        "addr.remote": address,
        token: joiner.tokenId,
      });
      return { cluster: authorities.cluster, certificates, authorities: authorities.list() };
    },
    "servers.announce": async ({ proxy, ...server }, { identity, address }) => {
      const { hostId, role } = identity as HostIdentity;
      if (role !== server.role) {
        throw new AppError("access_denied", `a ${role} cannot announce a ${server.role}`);
      }
      await hosts.checkAnnounced(hostId, server.name);
      const reachable = reachableAddress(server.address, address);
      presence.announce({ ...server, id: hostId, address: reachable, lastSeen: clock.now(), proxy });
      return { address: reachable };
    },
    "servers.list": ({ role }) =>
      Promise.resolve(presence.list(role).map(({ proxy: _proxy, ...server }) => server)),
    "proxies.addresses": () =>
      Promise.resolve(presence.list("proxy").flatMap((server) => server.proxy ?? [])),

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

    "events.emit": async ({ events }, { identity }) => {
      await Promise.all(events.map((event) => audit.emit(reported(event, identity as HostIdentity))));
      return {};
    },
    "events.search": (query) => audit.search(query),

    "recordings.list": async ({ limit = 100 }, context) => {
      const all = await recordings.list(limit);
      const visible = await Promise.all(all.map(({ sid }) => maySee(auth, sid, context)));
      return all.filter((_, i) => visible[i]);
    },
    "recordings.read": async ({ sid, part, offset, length }, context) => {
      if (!await maySee(auth, sid, context)) {
        throw new AppError("not_found", `there is no recording of session ${sid}`);
      }
      const { data, size } = await recordings.read(sid, part, offset, length);
      return { data: Buffer.from(data).toString("base64"), size };
    },

    "changes.watch": (_input, context) => {
      context.watch();
      return Promise.resolve({});
    },
  };
}

/** Administrators see every recording, others the sessions they took part in. */
async function maySee(auth: AuthService, sid: string, { identity }: CallContext): Promise<boolean> {
  if (identity.kind === "host") return identity.role === "admin";
  if (identity.kind !== "user") return false;
  if (identity.roles.includes(ADMIN_ROLE)) return true;
  return (await auth.recordings.participants(sid)).has(identity.name);
}

/** An event from a host: of a kind it may report, and marked with the host that reported it. */
function reported(event: Record<string, string | number | boolean>, host: HostIdentity): EventFields {
  const name = EVENT_NAMES.find((known) => known === event.event);
  if (!name || !REPORTED.has(name)) {
    throw new AppError(
      "access_denied",
      `a ${host.role} may not report the event "${String(event.event).slice(0, 64)}"`,
    );
  }
  const time = typeof event.time === "string" && !Number.isNaN(Date.parse(event.time))
    ? event.time
    : undefined; // the log stamps it
  return { ...event, event: name, server_id: host.hostId, time };
}

/** A server that listens everywhere is reached where its connection came from. */
function reachableAddress(announced: string, source: string): string {
  const host = hostOf(announced);
  const anywhere = host === "0.0.0.0" || host === "::" || host === "";
  const port = announced.slice(announced.lastIndexOf(":") + 1);
  const plain = source.replace(/^::ffff:/, "");
  return anywhere ? `${plain.includes(":") ? `[${plain}]` : plain}:${port}` : announced;
}
