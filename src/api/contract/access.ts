/**
 * Roles and users for the hosts that decide with them.
 * @module
 */
import * as v from "valibot";
import { VERBS } from "../../model/role.ts";
import { either, guests, hosts, users } from "../access.ts";
import {
  anyUserName,
  certFormat,
  clusterName,
  durationMs,
  entry,
  nothing,
  publicKey,
  text,
  time,
  userName,
} from "./schemas.ts";

const texts = v.array(text(1024));
const fixedTexts = v.pipe(texts, v.readonly());

const rule = v.object({
  resources: fixedTexts,
  verbs: v.pipe(v.array(v.picklist([...VERBS, "*"])), v.readonly()),
  where: v.optional(text(1024)),
});

const conditions = v.object({
  logins: fixedTexts,
  nodeLabels: v.record(text(1024), fixedTexts),
  rules: v.pipe(v.array(rule), v.readonly()),
});

const role = v.object({
  name: text(128),
  description: v.optional(v.string()),
  expires: v.optional(time),
  options: v.object({
    maxSessionTtl: durationMs,
    forwardAgent: v.boolean(),
    portForwarding: v.boolean(),
    x11Forwarding: v.boolean(),
    clientIdleTimeout: durationMs,
    disconnectExpiredCert: v.boolean(),
    certFormat,
  }),
  allow: conditions,
  deny: conditions,
});

const knownUser = v.object({
  name: userName,
  roles: texts,
  traits: v.record(text(1024), texts),
  lock: v.optional(v.object({ message: v.string(), since: time, until: v.optional(time) })),
  expires: v.optional(time),
});

/** See `model/access_snapshot.ts`; also the form in which a host keeps it. */
export const accessSnapshotSchema = v.object({
  roles: v.array(role),
  users: v.array(knownUser),
  sessions: v.object({ clientIdleTimeout: durationMs, disconnectExpiredCert: v.boolean() }),
  foreign: v.optional(v.pipe(
    v.array(v.object({
      cluster: clusterName,
      userKeys: v.pipe(v.array(publicKey), v.readonly()),
      roleMap: v.pipe(v.array(v.object({ remote: text(128), local: fixedTexts })), v.readonly()),
    })),
    v.readonly(),
  )),
});

export const accessCalls = {
  "access.get": entry({
    /** `known`: the version that the caller has. */
    input: v.strictObject({ known: v.optional(text(64)) }),
    /** The snapshot is left out when the caller has it. */
    output: v.object({ version: v.string(), snapshot: v.optional(accessSnapshotSchema) }),
    access: hosts("node", "proxy"),
    audited: false,
  }),

  /** What the caller may do, so that a page offers nothing else. Every call is checked by itself anyway. */
  "access.mine": entry({
    input: nothing,
    output: v.object({
      /** As this cluster's sessions and events have it. */
      name: anyUserName,
      /** Of this cluster: those of another one's user are mapped to them. */
      roles: texts,
      /** The logins that any role allows. */
      logins: texts,
      /** The verbs that roles allow for some resource of each kind. */
      rights: v.record(v.string(), v.array(v.picklist(VERBS))),
      /** The connector that the user logs in through; without it there is a password. */
      connector: v.optional(v.string()),
    }),
    access: either(users, guests),
    audited: false,
  }),
} as const;
