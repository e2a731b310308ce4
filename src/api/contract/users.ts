/**
 * Users: invitations, accounts and logins.
 * @module
 */
import * as v from "valibot";
import { administrator, hosts } from "../access.ts";
import {
  durationMs,
  entry,
  login,
  nothing,
  publicKey,
  secretText,
  text,
  time,
  user,
  userName,
} from "./schemas.ts";

export const userCalls = {
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

  "signup.complete": entry({
    input: v.strictObject({ token: secretText, password: secretText, otp: text(16), address: text(64) }),
    output: nothing,
    access: hosts("proxy"),
    audited: true,
  }),

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
} as const;
