/**
 * Users as documents. `spec.local_auth` holds what the login is proven with, and is there only when secrets are asked
 * for.
 * @module
 */
import * as v from "valibot";
import { isLogin, isUserName } from "../name.ts";
import { SSO_KINDS } from "../sso.ts";
import type { ExternalIdentity, User, UserConnector, UserLock } from "../user.ts";
import {
  type Described,
  described,
  document,
  envelope,
  optionalFlag,
  type ResourceDocument,
} from "./envelope.ts";
import { count, formatTime, line, list, mapping, named, time } from "./fields.ts";

/** A user's record with what the document says beside it. */
export type UserRecord = User & Described;

/** What a user proves the login with. */
export interface LocalAuth {
  passwordHash: string;
  otpSecret?: string;
  lastOtpStep?: number;
  securityKey?: SecurityKey;
}

/** A registered key. Binary values are base64url without padding. */
export interface SecurityKey {
  /** What the key knows it by (U2F: key handle, WebAuthn: credential id). */
  id: string;
  /** An uncompressed point of P-256: 65 bytes. */
  publicKey: string;
  /** Of its last signature; it grows, unless the key does not count. */
  counter: number;
  /** The `app_id` that was in force when it was registered. */
  appId: string;
}

/** scrypt's parameters come back from a backup: they must not be able to stall the server. */
const PASSWORD_HASH =
  /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$[A-Za-z0-9+/]{16,88}={0,2}\$[A-Za-z0-9+/]{43}=$/;
const MAX_SCRYPT_BYTES = 256 * 1024 * 1024;

function isPasswordHash(text: string): boolean {
  const [, n = 0, r = 0, p = 0] = (PASSWORD_HASH.exec(text) ?? []).map(Number);
  return n >= 2 && Number.isInteger(Math.log2(n)) && r >= 1 && p >= 1 && p <= 16 &&
    128 * n * r <= MAX_SCRYPT_BYTES;
}

const identities = v.optional(list(v.object({ connector_id: line(256), username: line(256) })));

export const userSchema = envelope("user", named("user name", isUserName), {
  roles: list(line(128)),
  traits: v.optional(mapping(line(128), list(line()))),
  status: v.optional(v.object({
    is_locked: optionalFlag,
    locked_message: v.optional(line()),
    locked_time: v.optional(time()),
    lock_expires: v.optional(time()),
  })),
  expires: v.optional(time()),
  created_by: v.optional(v.object({
    time: v.optional(time()),
    user: v.optional(v.object({ name: line(256) })),
    connector: v.optional(v.object({
      connector_type: v.picklist(SSO_KINDS, "expected github, oidc or saml"),
      connector_id: line(256),
      identity: line(1024),
    })),
  })),
  github_identities: identities,
  oidc_identities: identities,
  saml_identities: identities,
  local_auth: v.optional(v.object({
    // The message does not repeat the value: it is a secret.
    password_hash: v.pipe(line(512), v.check(isPasswordHash, "is no scrypt hash that this version makes")),
    otp_secret: v.optional(v.pipe(line(256), v.regex(/^[A-Z2-7]{16,}=*$/, "is not base32"))),
    last_otp_step: v.optional(count()),
    security_key: v.optional(v.object({
      id: v.pipe(line(1400), v.regex(/^[A-Za-z0-9_-]+$/, "is not base64url")),
      public_key: v.pipe(line(100), v.regex(/^B[A-Za-z0-9_-]{86}$/, "is no point of P-256 in base64url")),
      counter: count(),
      app_id: line(512),
    })),
  })),
});

type UserDocument = v.InferOutput<typeof userSchema>;

/** What is wrong with a user's document beyond the form of its fields. */
export function userProblem(
  { metadata, spec }: UserDocument,
): { path: string[]; message: string } | undefined {
  const login = spec.traits?.logins?.find((name) => !isLogin(name));
  if (login !== undefined) {
    return { path: ["spec", "traits", "logins"], message: `${JSON.stringify(login)} is no login` };
  }
  if (metadata.expires !== undefined && spec.expires !== undefined && metadata.expires !== spec.expires) {
    return { path: ["metadata", "expires"], message: "differs from spec.expires; keep one of them" };
  }
  return undefined;
}

/** The record that a document describes. `now` dates what the document leaves open. */
export function userOf(
  { metadata, spec }: UserDocument,
  now: number,
): { user: UserRecord; auth?: LocalAuth } {
  const { local_auth: local } = spec;
  const expires = spec.expires ?? metadata.expires;
  const lock = lockOf(spec.status, now);
  const external = identitiesOf(spec);
  const connector = connectorOf(spec);
  const user: UserRecord = {
    name: metadata.name,
    roles: [...new Set(spec.roles)],
    traits: Object.fromEntries(
      Object.entries(spec.traits ?? {}).map(([name, values]) => [name, [...new Set(values)]]),
    ),
    ...(lock ? { lock } : {}),
    ...(expires === undefined ? {} : { expires }),
    created: spec.created_by?.time ?? now,
    createdBy: spec.created_by?.user?.name ?? "",
    ...(connector ? { connector } : {}),
    ...(external ? { identities: external } : {}),
    ...described(metadata),
  };
  if (!local) return { user };
  return {
    user,
    auth: {
      passwordHash: local.password_hash,
      ...(local.otp_secret === undefined ? {} : { otpSecret: local.otp_secret }),
      ...(local.last_otp_step === undefined ? {} : { lastOtpStep: local.last_otp_step }),
      ...(local.security_key === undefined ? {} : { securityKey: keyOf(local.security_key) }),
    },
  };
}

type KeyDocument = NonNullable<NonNullable<UserDocument["spec"]["local_auth"]>["security_key"]>;

function keyOf({ id, public_key: publicKey, counter, app_id: appId }: KeyDocument): SecurityKey {
  return { id, publicKey, counter, appId };
}

function keyDocument({ id, publicKey, counter, appId }: SecurityKey): KeyDocument {
  return { id, public_key: publicKey, counter, app_id: appId };
}

function connectorOf({ created_by: by }: UserDocument["spec"]): UserConnector | undefined {
  if (!by?.connector) return undefined;
  const { connector_type: kind, connector_id: name, identity } = by.connector;
  return { kind, name, identity };
}

function lockOf(status: UserDocument["spec"]["status"], now: number): UserLock | undefined {
  if (!status?.is_locked) return undefined;
  return {
    message: status.locked_message ?? "",
    since: status.locked_time ?? now,
    ...(status.lock_expires === undefined ? {} : { until: status.lock_expires }),
  };
}

function identitiesOf(spec: UserDocument["spec"]): User["identities"] {
  const of = (listed: typeof spec.github_identities) =>
    listed?.map(({ connector_id: connector, username }): ExternalIdentity => ({ connector, username }));
  const found = {
    github: of(spec.github_identities),
    oidc: of(spec.oidc_identities),
    saml: of(spec.saml_identities),
  };
  const given = Object.entries(found).filter(([, accounts]) => accounts !== undefined && accounts.length > 0);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** The document's `status` for a lock. */
export function statusOf(lock: UserLock | undefined): Record<string, unknown> {
  return {
    is_locked: lock !== undefined,
    ...(lock && lock.message !== "" ? { locked_message: lock.message } : {}),
    locked_time: formatTime(lock?.since),
    lock_expires: formatTime(lock?.until),
  };
}

/** @param lock the lock that holds now, be it an administrator's or one after failed logins */
export function userDocument(
  user: UserRecord,
  about: { revision?: string; lock?: UserLock; auth?: LocalAuth },
): ResourceDocument {
  const { auth } = about;
  const accounts = (listed: readonly ExternalIdentity[] | undefined) =>
    listed?.map(({ connector, username }) => ({ connector_id: connector, username }));
  const listed = Object.entries(user.identities ?? {})
    .map(([kind, external]) => [`${kind}_identities`, accounts(external)]);
  return document("user", { ...described(user), name: user.name, revision: about.revision }, {
    spec: {
      roles: user.roles,
      status: statusOf(about.lock),
      traits: user.traits,
      expires: formatTime(user.expires),
      created_by: {
        time: formatTime(user.created),
        user: { name: user.createdBy },
        ...(user.connector
          ? {
            connector: {
              connector_type: user.connector.kind,
              connector_id: user.connector.name,
              identity: user.connector.identity,
            },
          }
          : {}),
      },
      ...Object.fromEntries(listed),
      ...(auth
        ? {
          local_auth: {
            password_hash: auth.passwordHash,
            ...(auth.otpSecret === undefined ? {} : { otp_secret: auth.otpSecret }),
            ...(auth.lastOtpStep === undefined ? {} : { last_otp_step: auth.lastOtpStep }),
            ...(auth.securityKey === undefined ? {} : { security_key: keyDocument(auth.securityKey) }),
          },
        }
        : {}),
    },
  });
}
