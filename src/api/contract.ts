/**
 * The auth API: every call, its input, its output, and who may make it. The server's checks, the client's types and the
 * fuzzer's inputs come from this table.
 * @module
 */
import * as v from "valibot";
import { isHostName, isLabelKey, isLogin, isUserName, isUuid } from "../model/name.ts";
import {
  type AccessRule,
  administrator,
  adminUsers,
  either,
  hosts,
  joiners,
  members,
  users,
} from "./access.ts";

interface Entry<I extends v.GenericSchema, O extends v.GenericSchema> {
  input: I;
  output: O;
  access: AccessRule;
  /** True when the handler writes an audit event. */
  audited: boolean;
}

function entry<const I extends v.GenericSchema, const O extends v.GenericSchema>(
  e: Entry<I, O>,
): Entry<I, O> {
  return e;
}

const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
const named = (what: string, check: (name: string) => boolean) =>
  v.pipe(v.string(), v.check(check, `not a ${what}`));
const userName = named("user name", isUserName);
const login = named("login", isLogin);
const hostName = named("host name", isHostName);
const uuid = named("uuid", isUuid);
const time = v.number();
const durationMs = v.pipe(v.number(), v.integer(), v.minValue(0));
const publicKey = text(8192);
const secretText = text(1024);
const nothing = v.strictObject({});
const joinRole = v.picklist(["auth", "proxy", "node"]);
const address = text(300);
const labels = v.record(named("label key", isLabelKey), text(1024));

const authority = v.object({
  kind: v.picklist(["user", "host"]),
  cluster: v.string(),
  keys: v.array(v.string()),
  rotated: v.optional(time),
});

const server = v.object({
  id: uuid,
  role: joinRole,
  name: hostName,
  address,
  labels,
  version: text(64),
  lastSeen: time,
});

const proxyAddresses = v.object({ web: address, ssh: address, tunnel: address });

const user = v.object({
  name: userName,
  roles: v.array(text(128)),
  logins: v.array(login),
  created: time,
  createdBy: v.string(),
});

const token = v.object({
  token: v.string(),
  roles: v.array(v.picklist(["auth", "proxy", "node", "signup"])),
  expires: v.optional(time),
  static: v.boolean(),
  user: v.optional(v.string()),
});

const event = v.record(text(64), v.union([text(16_384), v.number(), v.boolean()]));

export const contract = {
  /** The cluster's name and settings. */
  "cluster.get": entry({
    input: nothing,
    output: v.object({
      name: v.string(),
      version: v.string(),
      secondFactor: v.picklist(["otp", "off"]),
      sessionRecording: v.picklist(["node", "off"]),
    }),
    access: members,
    audited: false,
  }),
  /** The public keys of the CAs. */
  "authorities.list": entry({
    input: nothing,
    output: v.array(authority),
    access: members,
    audited: false,
  }),

  /** A new host gets its certificates, one for each role. */
  "hosts.join": entry({
    input: v.strictObject({
      hostId: uuid,
      name: hostName,
      keys: v.pipe(
        v.array(v.strictObject({ role: joinRole, publicKey })),
        v.minLength(1),
        v.maxLength(3),
      ),
      publicNames: v.pipe(v.array(hostName), v.maxLength(32)),
    }),
    output: v.object({
      cluster: v.string(),
      certificates: v.array(v.object({ role: joinRole, certificate: v.string() })),
      authorities: v.array(authority),
    }),
    access: joiners,
    audited: true,
  }),
  /** A server says that it is alive and where. */
  "servers.announce": entry({
    input: v.strictObject({
      role: joinRole,
      name: hostName,
      address,
      labels,
      version: text(64),
      proxy: v.optional(proxyAddresses),
    }),
    output: v.object({ address: v.string() }),
    access: hosts("auth", "proxy", "node"),
    audited: false,
  }),
  "servers.list": entry({
    input: v.strictObject({ role: joinRole }),
    output: v.array(server),
    access: members,
    audited: false,
  }),
  /** Where users reach the cluster. */
  "proxies.addresses": entry({
    input: nothing,
    output: v.array(proxyAddresses),
    access: members,
    audited: false,
  }),

  "users.invite": entry({
    input: v.strictObject({
      name: userName,
      logins: v.pipe(v.array(login), v.minLength(1), v.maxLength(100)),
      ttl: v.optional(durationMs),
    }),
    output: v.object({ token: v.string(), expires: time }),
    access: administrator,
    audited: true,
  }),
  "users.list": entry({ input: nothing, output: v.array(user), access: administrator, audited: false }),
  "users.remove": entry({
    input: v.strictObject({ name: userName }),
    output: nothing,
    access: administrator,
    audited: true,
  }),

  /** What an invitation link shows. */
  "signup.get": entry({
    input: v.strictObject({ token: secretText }),
    output: v.object({
      user: v.string(),
      otpUri: v.string(),
      expires: time,
      secondFactor: v.picklist(["otp", "off"]),
    }),
    access: hosts("proxy"),
    audited: false,
  }),
  /** An invited user chooses a password and proves the second factor. */
  "signup.complete": entry({
    input: v.strictObject({ token: secretText, password: secretText, otp: text(16), address: text(64) }),
    output: nothing,
    access: hosts("proxy"),
    audited: true,
  }),
  /** Password and code become a certificate. */
  "login.password": entry({
    input: v.strictObject({
      user: text(256),
      password: secretText,
      otp: text(64),
      publicKey,
      ttl: v.optional(durationMs),
      address: text(64),
    }),
    output: v.object({
      user: v.string(),
      certificate: v.string(),
      cluster: v.string(),
      hostAuthorities: v.array(v.string()),
    }),
    access: hosts("proxy"),
    audited: true,
  }),

  "tokens.create": entry({
    input: v.strictObject({
      roles: v.pipe(v.array(joinRole), v.minLength(1), v.maxLength(3)),
      ttl: v.optional(durationMs),
      token: v.optional(
        v.pipe(text(256), v.minLength(8), v.regex(/^[\x21-\x7e]+$/, "must be printable text")),
      ),
    }),
    output: v.object({ token: v.string(), expires: time }),
    access: administrator,
    audited: true,
  }),
  "tokens.list": entry({ input: nothing, output: v.array(token), access: administrator, audited: false }),
  "tokens.remove": entry({
    input: v.strictObject({ token: secretText }),
    output: nothing,
    access: administrator,
    audited: true,
  }),

  /** Nodes and proxies report what happened. The server stamps who reported it. */
  "events.emit": entry({
    input: v.strictObject({ events: v.pipe(v.array(event), v.maxLength(500)) }),
    output: nothing,
    access: hosts("node", "proxy"),
    audited: true,
  }),
  "events.search": entry({
    input: v.strictObject({
      from: v.optional(time),
      to: v.optional(time),
      events: v.optional(v.pipe(v.array(text(64)), v.maxLength(64))),
      limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000))),
    }),
    output: v.array(event),
    access: either(administrator, adminUsers),
    audited: false,
  }),

  /** Recorded sessions, the newest first. */
  "recordings.list": entry({
    input: v.strictObject({
      limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000))),
    }),
    output: v.array(v.object({ sid: uuid, bytes: v.number(), modified: time, complete: v.boolean() })),
    access: either(administrator, users),
    audited: false,
  }),
  /** A part of a recording, base64. A reader goes on until it gets less than it asked for. */
  "recordings.read": entry({
    input: v.strictObject({
      sid: uuid,
      part: v.picklist(["bytes", "log"]),
      offset: v.pipe(v.number(), v.integer(), v.minValue(0)),
      length: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(512 * 1024)),
    }),
    output: v.object({ data: v.string(), size: v.number() }),
    access: either(administrator, users),
    audited: false,
  }),

  /** From now on the server tells this connection when one of these collections changed. */
  "changes.watch": entry({ input: nothing, output: nothing, access: members, audited: false }),
} as const;

export type Contract = typeof contract;
export type Method = keyof Contract;
export type Input<M extends Method> = v.InferOutput<Contract[M]["input"]>;
export type Output<M extends Method> = v.InferOutput<Contract[M]["output"]>;

/** What the `changed` notification names. */
export type Collection = "authorities" | "servers" | "users" | "tokens";

/** The largest message of the API in bytes. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
