/**
 * Users: invitations, accounts and logins.
 * @module
 */
import * as v from "valibot";
import { SECOND_FACTORS } from "../../model/security_key.ts";
import { hosts, may } from "../access.ts";
import {
  certFormat,
  durationMs,
  entry,
  factorAnswer,
  login,
  nothing,
  publicKey,
  secretText,
  text,
  time,
  user,
  userName,
} from "./schemas.ts";
import { factorProposal, keyChallenge } from "./second_factor.ts";

const logins = v.pipe(v.array(login), v.maxLength(100));
const roles = v.pipe(v.array(text(128)), v.maxLength(100));
const link = v.object({ token: v.string(), expires: time });

export const userCalls = {
  "users.invite": entry({
    input: v.strictObject({
      name: userName,
      logins: v.pipe(logins, v.minLength(1)),
      /** The default is the role that everybody gets. */
      roles: v.optional(v.pipe(roles, v.minLength(1))),
      ttl: v.optional(durationMs),
    }),
    output: link,
    access: may("user", "create"),
    audited: true,
  }),

  "users.list": entry({ input: nothing, output: v.array(user), access: may("user", "list"), audited: false }),

  "users.update": entry({
    input: v.strictObject({ name: userName, roles: v.optional(roles), logins: v.optional(logins) }),
    output: user,
    access: may("user", "update"),
    audited: true,
  }),

  /** A link to choose password and second factor anew; the old ones are void at once. */
  "users.reset": entry({
    input: v.strictObject({ name: userName, ttl: v.optional(durationMs) }),
    output: link,
    access: may("user", "update"),
    audited: true,
  }),

  "users.lock": entry({
    input: v.strictObject({
      name: userName,
      message: v.optional(text(1024)),
      /** How long; until it is unlocked, when it is left out. */
      ttl: v.optional(v.pipe(durationMs, v.minValue(1))),
    }),
    output: user,
    access: may("user", "update"),
    audited: true,
  }),

  /** Ends an administrator's lock and one after failed logins. */
  "users.unlock": entry({
    input: v.strictObject({ name: userName }),
    output: user,
    access: may("user", "update"),
    audited: true,
  }),

  "users.remove": entry({
    input: v.strictObject({ name: userName }),
    output: nothing,
    access: may("user", "delete"),
    audited: true,
  }),

  /** What an invitation link shows. */
  "signup.get": entry({
    input: v.strictObject({ token: secretText, address: v.optional(text(64)) }),
    output: v.object({
      user: v.string(),
      expires: time,
      secondFactor: v.picklist(SECOND_FACTORS),
      ...factorProposal,
    }),
    access: hosts("proxy"),
    audited: false,
  }),

  /** An invited user chooses a password and proves the second factor. */
  "signup.complete": entry({
    input: v.strictObject({
      token: secretText,
      password: secretText,
      otp: factorAnswer,
      address: text(64),
    }),
    output: nothing,
    access: hosts("proxy"),
    audited: true,
  }),

  /** Something for a user's security key to sign; unknown users get one, too. */
  "login.challenge": entry({
    input: v.strictObject({ user: text(256) }),
    output: keyChallenge,
    access: hosts("proxy"),
    audited: false,
  }),

  /** Password and second factor become a certificate. */
  "login.password": entry({
    input: v.strictObject({
      user: text(256),
      password: secretText,
      otp: factorAnswer,
      publicKey,
      ttl: v.optional(durationMs),
      certFormat: v.optional(certFormat),
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
} as const;
