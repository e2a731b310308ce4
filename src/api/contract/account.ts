/**
 * What users do to their own accounts. A certificate is not enough for it: each takes the password and the second factor anew.
 * @module
 */
import * as v from "valibot";
import { users } from "../access.ts";
import { entry, factorAnswer, nothing, secretText, time } from "./schemas.ts";
import { factorProposal } from "./second_factor.ts";

const proof = { password: secretText, otp: factorAnswer };
/** The caller's own web session, which alone goes on. */
const keepSession = v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not the id of a web session")));

export const accountCalls = {
  /** Ends all other web sessions of the user. */
  "account.password": entry({
    input: v.strictObject({ ...proof, newPassword: secretText, keepSession }),
    output: nothing,
    access: users,
    audited: true,
  }),

  /** Proposes a new second factor. The old one rules until the new one is proven. */
  "account.enroll": entry({
    input: v.strictObject(proof),
    output: v.object({ expires: time, ...factorProposal }),
    access: users,
    audited: true,
  }),

  /** Proves the proposed second factor by an answer of it; ends all other web sessions of the user. */
  "account.confirm": entry({
    input: v.strictObject({ otp: factorAnswer, keepSession }),
    output: nothing,
    access: users,
    audited: true,
  }),
} as const;
