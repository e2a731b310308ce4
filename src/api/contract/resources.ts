/**
 * Resources as documents. Who may do what depends on the kind, so the handlers decide; see `model/access.ts`.
 * @module
 */
import * as v from "valibot";
import { KIND_NAMES } from "../../model/resource/kinds.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import { isObject } from "../../model/resource/tidy.ts";
import { administrator, either, users } from "../access.ts";
import { entry, nothing, text } from "./schemas.ts";

const kind = v.picklist(KIND_NAMES);
const withSecrets = v.optional(v.boolean());
const members = either(administrator, users);

/** The answer's form is this program's own making. */
const document = v.custom<ResourceDocument>(isObject);

export const resourceCalls = {
  /** All of a kind that the caller may see. */
  "resources.list": entry({
    input: v.strictObject({ kind, withSecrets }),
    output: v.array(document),
    access: members,
    audited: true,
  }),

  /** Those of one name: of certificate authorities there are two of the cluster's name. */
  "resources.get": entry({
    input: v.strictObject({ kind, name: text(256), withSecrets }),
    output: v.array(document),
    access: members,
    audited: true,
  }),

  "resources.put": entry({
    input: v.strictObject({
      /** Checked against the schema of its kind by the handler, with messages that name its fields. */
      document: v.custom<Record<string, unknown>>(isObject, "expected a resource"),
      /** `create`: there must be none of this name; `update`: there must be one; `replace`: either. */
      mode: v.picklist(["create", "update", "replace"]),
    }),
    output: v.object({
      change: v.picklist(["created", "updated", "unchanged"]),
      /** What the administrator should know or do next. */
      advice: v.optional(v.string()),
    }),
    access: members,
    audited: true,
  }),

  "resources.remove": entry({
    input: v.strictObject({ kind, name: text(256) }),
    output: nothing,
    access: members,
    audited: true,
  }),
} as const;
