/**
 * What every resource has around its `spec`: kind, version, metadata.
 * @module
 */
import * as v from "valibot";
import { isLabelKey } from "../name.ts";
import { flag, formatTime, line, mapping, named, time } from "./fields.ts";
import { type Kind, KINDS, VERSIONS } from "./kinds.ts";

/** A resource as `tctl get` prints it and as the API carries it. */
export interface ResourceDocument {
  kind: Kind;
  version: string;
  metadata: Metadata;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

export interface Metadata {
  name: string;
  namespace?: string;
  description?: string;
  labels?: Readonly<Record<string, string>>;
  /** RFC 3339. */
  expires?: string;
  /** Names this state of the record; a change that carries an older one is refused. */
  revision?: string;
}

/** The schema of a whole document. */
export function envelope<
  const K extends Kind,
  const N extends v.GenericSchema<string, string>,
  const E extends v.ObjectEntries,
>(kind: K, name: N, spec: E) {
  return v.object({
    kind: v.literal(kind),
    version: v.picklist(VERSIONS, `expected one of ${VERSIONS.join(", ")}`),
    metadata: v.object({
      name,
      namespace: v.optional(v.literal("default", 'there is only the namespace "default"')),
      description: v.optional(line()),
      labels: v.optional(mapping(named("label", isLabelKey), line())),
      expires: v.optional(time()),
      revision: v.optional(line(128)),
    }, "expected keys with values"),
    spec: v.object(spec, "expected keys with values"),
  });
}

/** What a parsed document's metadata says beside the name. */
export interface Described {
  description?: string;
  labels?: Record<string, string>;
}

export function described(metadata: Described): Described {
  const { description, labels } = metadata;
  return {
    ...(description === undefined ? {} : { description }),
    ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
  };
}

/** Puts the envelope around a spec. */
export function document(
  kind: Kind,
  about: Described & { name: string; expires?: number; revision?: string; namespace?: string },
  content: { spec?: Record<string, unknown>; status?: Record<string, unknown> },
): ResourceDocument {
  const { name, namespace, expires, revision } = about;
  return {
    kind,
    version: KINDS[kind].version,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...described(about),
      ...(expires === undefined ? {} : { expires: formatTime(expires) }),
      ...(revision === undefined ? {} : { revision }),
    },
    ...content,
  };
}

/** A switch that may be left out. */
export const optionalFlag = v.optional(flag());
