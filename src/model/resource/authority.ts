/**
 * Certificate authorities as documents: shown by everybody who may, restored out of a backup.
 * @module
 */
import * as v from "valibot";
import type { Authority } from "../authority.ts";
import { isHostName } from "../name.ts";
import { document, envelope, type ResourceDocument } from "./envelope.ts";
import { block, formatTime, line, list, named, time } from "./fields.ts";

const MAX_KEYS = 16;

export const authoritySchema = envelope("cert_authority", named("cluster name", isHostName), {
  type: v.picklist(["user", "host"], "expected user or host"),
  cluster_name: line(256),
  checking_keys: v.optional(list(line(8192), MAX_KEYS)),
  signing_keys: v.optional(list(block(16_384), MAX_KEYS)),
  tls_key_pairs: v.optional(list(v.never(), 0)),
  roles: v.optional(list(v.never(), 0)),
  role_map: v.optional(list(v.never(), 0)),
  /** Where a rotation stands is shown, but cannot be set: see `tctl auth rotate`. */
  rotation: v.optional(v.object({
    state: v.optional(v.picklist(["standby", "in_progress"], "expected standby or in_progress")),
    phase: v.optional(line(64)),
    mode: v.optional(line(64)),
    started: v.optional(time()),
    ends: v.optional(time()),
    last_rotated: v.optional(time()),
  })),
});

/** @param signingKeys private key files, where secrets are asked for */
export function authorityDocument(
  { kind, cluster, keys, rotated, rotation }: Authority,
  about: { revision: string; signingKeys?: readonly string[] },
): ResourceDocument {
  const { signingKeys } = about;
  const progress = rotation === undefined ? { state: "standby" } : {
    state: "in_progress",
    phase: rotation.phase,
    mode: rotation.mode,
    started: formatTime(rotation.started),
    ...(rotation.ends === undefined ? {} : { ends: formatTime(rotation.ends) }),
  };
  return document("cert_authority", { name: cluster, revision: about.revision }, {
    spec: {
      type: kind,
      cluster_name: cluster,
      checking_keys: keys,
      ...(signingKeys ? { signing_keys: signingKeys } : {}),
      rotation: { ...progress, ...(rotated === undefined ? {} : { last_rotated: formatTime(rotated) }) },
    },
  });
}
