/**
 * Certificate authorities as documents: shown by everybody who may, restored out of a backup.
 * @module
 */
import * as v from "valibot";
import type { AuthorityKind } from "../authority.ts";
import { isHostName } from "../name.ts";
import { document, envelope, type ResourceDocument } from "./envelope.ts";
import { block, line, list, named } from "./fields.ts";

const MAX_KEYS = 16;

export const authoritySchema = envelope("cert_authority", named("cluster name", isHostName), {
  type: v.picklist(["user", "host"], "expected user or host"),
  cluster_name: line(256),
  checking_keys: v.optional(list(line(8192), MAX_KEYS)),
  signing_keys: v.optional(list(block(16_384), MAX_KEYS)),
  tls_key_pairs: v.optional(list(v.never(), 0)),
  roles: v.optional(list(v.never(), 0)),
  role_map: v.optional(list(v.never(), 0)),
  rotation: v.optional(v.object({
    state: v.optional(v.literal("standby", "a CA cannot be restored into the middle of a rotation")),
  })),
});

export function authorityDocument(
  authority: {
    kind: AuthorityKind;
    cluster: string;
    keys: readonly string[];
    signingKeys?: readonly string[];
  },
  revision: string | undefined,
): ResourceDocument {
  const { kind, cluster, keys, signingKeys } = authority;
  return document("cert_authority", { name: cluster, revision }, {
    spec: {
      type: kind,
      cluster_name: cluster,
      checking_keys: keys,
      ...(signingKeys ? { signing_keys: signingKeys } : {}),
      rotation: { state: "standby" },
    },
  });
}
