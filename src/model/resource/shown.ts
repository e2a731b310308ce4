/**
 * A document that is about to be written, in the form in which `tctl get` will show it, without secrets: what a rule's
 * `where` looks at.
 * @module
 */
import { SECRET_FIELDS } from "./connectors.ts";
import { document, type ResourceDocument } from "./envelope.ts";
import type { ParsedDocument } from "./parse.ts";
import { roleDocument, roleOf } from "./role.ts";
import { isObject } from "./tidy.ts";
import { userDocument, userOf } from "./user.ts";

/** @param now milliseconds since the epoch */
export function shownAs(given: ParsedDocument, now: number): ResourceDocument {
  if (given.kind === "user") {
    const { user } = userOf(given, now);
    return userDocument(user, { lock: user.lock });
  }
  if (given.kind === "role") return roleDocument(roleOf(given), undefined);
  const { revision: _revision, ...about } = given.metadata;
  return document(given.kind, about, { spec: withoutSecrets(given.kind, given.spec) });
}

/** A copy of a spec without the fields that are secret in this kind. */
export function withoutSecrets(kind: string, spec: Record<string, unknown>): Record<string, unknown> {
  return (SECRET_FIELDS[kind] ?? []).reduce((fields, path) => without(fields, path), spec);
}

function without(
  fields: Record<string, unknown>,
  [key = "", ...below]: readonly string[],
): Record<string, unknown> {
  const { [key]: value, ...rest } = fields;
  if (below.length === 0) return rest;
  return isObject(value) ? { ...fields, [key]: without(value, below) } : fields;
}
