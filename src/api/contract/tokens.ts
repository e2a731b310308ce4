/**
 * Join tokens and invitations.
 * @module
 */
import * as v from "valibot";
import { administrator } from "../access.ts";
import { durationMs, entry, joinRole, nothing, secretText, text, time, token } from "./schemas.ts";

export const tokenCalls = {
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
} as const;
