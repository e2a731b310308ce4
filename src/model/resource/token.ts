/**
 * Join tokens as documents: for backups. Everywhere else `tctl tokens` is handier. The value is a secret, so the
 * resource goes by another name.
 * @module
 */
import * as v from "valibot";
import { TOKEN_ROLES } from "../token.ts";
import { envelope } from "./envelope.ts";
import { line, list } from "./fields.ts";

export const tokenSchema = envelope("token", line(128), {
  roles: list(v.picklist(TOKEN_ROLES, `expected one of ${TOKEN_ROLES.join(", ")}`)),
  token: v.optional(v.pipe(
    line(256),
    v.minLength(8, "shorter than 8 characters"),
    v.regex(/^[\x21-\x7e]+$/, "must be printable text without blanks"),
  )),
});

type TokenDocument = v.InferOutput<typeof tokenSchema>;

export function tokenProblem({ spec }: TokenDocument): { path: string[]; message: string } | undefined {
  if (spec.roles.length === 0) return { path: ["spec", "roles"], message: "name at least one role" };
  return undefined;
}
