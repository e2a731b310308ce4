/**
 * Roles as documents.
 * @module
 */
import * as v from "valibot";
import { DEFAULT_OPTIONS } from "../admin_role.ts";
import type { Conditions, Role, Rule } from "../role.ts";
import { CERT_FORMATS, VERBS } from "../role.ts";
import {
  type Described,
  described,
  document,
  envelope,
  optionalFlag,
  type ResourceDocument,
} from "./envelope.ts";
import { duration, durationText, line, list, mapping } from "./fields.ts";

/** A role with what the document says beside it. */
export type RoleRecord = Role & Described;

const one = v.pipe(line(), v.transform((value) => [value]));

const rule = v.object({
  resources: list(line(128)),
  verbs: list(v.picklist([...VERBS, "*"], `expected one of ${VERBS.join(", ")}, *`)),
  where: v.optional(line()),
});

const conditions = v.optional(v.object({
  logins: v.optional(list(line())),
  node_labels: v.optional(
    mapping(line(128), v.union([one, list(line())], "expected a value or a list of values")),
  ),
  rules: v.optional(list(rule)),
}));

export const roleSchema = envelope("role", line(128), {
  options: v.optional(v.object({
    max_session_ttl: v.optional(duration()),
    forward_agent: optionalFlag,
    port_forwarding: optionalFlag,
    x11_forwarding: optionalFlag,
    client_idle_timeout: v.optional(duration()),
    disconnect_expired_cert: optionalFlag,
    cert_format: v.optional(v.picklist(CERT_FORMATS, "expected standard or oldssh")),
  })),
  allow: conditions,
  deny: conditions,
});

/** The role that a document describes; `validateRole` says whether it is a good one. */
export function roleOf({ metadata, spec }: v.InferOutput<typeof roleSchema>): RoleRecord {
  const options = spec.options ?? {};
  return {
    name: metadata.name,
    ...described(metadata),
    ...(metadata.expires === undefined ? {} : { expires: metadata.expires }),
    options: {
      maxSessionTtl: options.max_session_ttl ?? DEFAULT_OPTIONS.maxSessionTtl,
      forwardAgent: options.forward_agent ?? DEFAULT_OPTIONS.forwardAgent,
      portForwarding: options.port_forwarding ?? DEFAULT_OPTIONS.portForwarding,
      x11Forwarding: options.x11_forwarding ?? DEFAULT_OPTIONS.x11Forwarding,
      clientIdleTimeout: options.client_idle_timeout ?? DEFAULT_OPTIONS.clientIdleTimeout,
      disconnectExpiredCert: options.disconnect_expired_cert ?? DEFAULT_OPTIONS.disconnectExpiredCert,
      certFormat: options.cert_format ?? DEFAULT_OPTIONS.certFormat,
    },
    allow: conditionsOf(spec.allow),
    deny: conditionsOf(spec.deny),
  };
}

function conditionsOf(side: v.InferOutput<typeof conditions>): Conditions {
  return {
    logins: side?.logins ?? [],
    nodeLabels: side?.node_labels ?? {},
    rules: (side?.rules ?? []).map(({ resources, verbs, where }): Rule => ({
      resources,
      verbs,
      ...(where === undefined ? {} : { where }),
    })),
  };
}

export function roleDocument(role: RoleRecord, revision: string | undefined): ResourceDocument {
  const { options } = role;
  return document("role", { ...described(role), name: role.name, expires: role.expires, revision }, {
    spec: {
      options: {
        max_session_ttl: durationText(options.maxSessionTtl),
        forward_agent: options.forwardAgent,
        port_forwarding: options.portForwarding,
        x11_forwarding: options.x11Forwarding,
        client_idle_timeout: durationText(options.clientIdleTimeout),
        disconnect_expired_cert: options.disconnectExpiredCert,
        cert_format: options.certFormat,
      },
      allow: sideDocument(role.allow),
      deny: sideDocument(role.deny),
    },
  });
}

function sideDocument({ logins, nodeLabels, rules }: Conditions): Record<string, unknown> {
  const labels = Object.entries(nodeLabels)
    .map(([key, values]) => [key, values.length === 1 ? values[0] : [...values]]);
  return {
    ...(logins.length === 0 ? {} : { logins: [...logins] }),
    ...(labels.length === 0 ? {} : { node_labels: Object.fromEntries(labels) }),
    ...(rules.length === 0 ? {} : { rules: rules.map((rule) => ({ ...rule })) }),
  };
}
