/**
 * What the calls of the API are made of: the shape of an entry, and the schemas that several calls share.
 * @module
 */
import { CERT_FORMATS } from "../../model/role.ts";
import * as v from "valibot";
import { JOIN_ROLES } from "../../model/identity.ts";
import { isForeignUserName, isHostName, isLabelKey, isLogin, isUserName, isUuid } from "../../model/name.ts";
import { TOKEN_ROLES } from "../../model/token.ts";
import { ROTATION_PHASES } from "../../model/rotation.ts";
import type { AccessRule } from "../access.ts";

export interface Entry<I extends v.GenericSchema, O extends v.GenericSchema> {
  input: I;
  output: O;
  access: AccessRule;
  /** True when the handler writes an audit event. */
  audited: boolean;
}

export function entry<const I extends v.GenericSchema, const O extends v.GenericSchema>(
  e: Entry<I, O>,
): Entry<I, O> {
  return e;
}

export const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
/** @param rule what such a name is made of; the value itself is never told, it may be a secret */
export const named = (what: string, check: (name: string) => boolean, rule = "") =>
  v.pipe(v.string(), v.check(check, `not a ${what}${rule && `; it is made of ${rule}`}`));
const NAME_RULE = "A-Z, a-z, 0-9 and . _ @ + -";
export const userName = named("user name", isUserName, NAME_RULE);
/** Of a user of this cluster, or of another one that it trusts. */
export const anyUserName = named("user name", (name) => isUserName(name) || isForeignUserName(name));
export const clusterName = named("cluster name", isHostName);
export const login = named("login", isLogin, NAME_RULE);
export const hostName = named("host name", isHostName, "A-Z, a-z, 0-9 and . _ -");
export const uuid = named("uuid", isUuid);
export const time = v.number();
export const certFormat = v.picklist(CERT_FORMATS);
export const durationMs = v.pipe(v.number(), v.integer(), v.minValue(0));
export const publicKey = text(8192);
export const secretText = text(1024);
/** What proves a second factor: a code, or the answer of a security key as JSON. Calls name it `otp`, since there were
 * codes only. */
export const factorAnswer = text(16 * 1024);
export const nothing = v.strictObject({});
export const joinRole = v.picklist(JOIN_ROLES);
export const tokenRole = v.picklist(TOKEN_ROLES);
export const address = text(300);
export const labels = v.record(named("label key", isLabelKey), text(1024));

export const authority = v.object({
  kind: v.picklist(["user", "host"]),
  cluster: v.string(),
  keys: v.array(v.string()),
  rotated: v.optional(time),
  rotation: v.optional(v.object({
    phase: v.picklist(ROTATION_PHASES),
    mode: v.picklist(["auto", "manual"]),
    started: time,
    ends: v.optional(time),
  })),
  signedKeys: v.optional(text(64 * 1024)),
});

export const server = v.object({
  id: uuid,
  role: joinRole,
  name: hostName,
  address,
  labels,
  version: text(64),
  lastSeen: time,
});

export const proxyAddresses = v.object({ web: address, ssh: address, tunnel: address });

export const userLock = v.object({ message: v.string(), since: time, until: v.optional(time) });

export const user = v.object({
  name: userName,
  roles: v.array(text(128)),
  traits: v.record(text(128), v.array(text(1024))),
  created: time,
  createdBy: v.string(),
  expires: v.optional(time),
  /** The lock that holds now, be it an administrator's or one after failed logins. */
  lock: v.optional(userLock),
});

export const token = v.object({
  token: v.string(),
  roles: v.array(v.picklist([...TOKEN_ROLES, "signup"])),
  expires: v.optional(time),
  static: v.boolean(),
  user: v.optional(v.string()),
});

export const event = v.record(text(64), v.union([text(16_384), v.number(), v.boolean()]));
