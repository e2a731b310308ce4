/**
 * Join tokens and invitations. To see them is to hold them, so listing them takes the right to read secrets.
 * @module
 */
import * as v from "valibot";
import { may } from "../access.ts";
import { durationMs, entry, nothing, secretText, text, time, token, tokenRole } from "./schemas.ts";

export const tokenCalls = {
  "tokens.create": entry({
    input: v.strictObject({
      roles: v.pipe(v.array(tokenRole), v.minLength(1), v.maxLength(4)),
      ttl: v.optional(durationMs),
      token: v.optional(
        v.pipe(
          text(256),
          v.minLength(8, "a token has at least 8 characters"),
          v.regex(/^[\x21-\x7e]+$/, "must be printable text"),
        ),
      ),
    }),
    output: v.object({ token: v.string(), expires: time }),
    access: may("token", "create"),
    audited: true,
  }),

  "tokens.list": entry({
    input: nothing,
    output: v.array(token),
    access: may("token", "read"),
    audited: false,
  }),

  "tokens.remove": entry({
    input: v.strictObject({ token: secretText }),
    output: nothing,
    access: may("token", "delete"),
    audited: true,
  }),
} as const;
