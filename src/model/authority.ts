/**
 * The cluster's certificate authorities. The user CA and the host CA never share a key or a purpose.
 * @module
 */

import type { AuthorityKind } from "./authority_kind.ts";
import type { Rotation } from "./rotation.ts";

/** The public part of an authority. */
export interface Authority {
  kind: AuthorityKind;
  cluster: string;
  /** OpenSSH public key lines that are trusted; the first one signs. */
  keys: string[];
  /** Milliseconds since the epoch of the last finished rotation, if any. */
  rotated?: number;
  /** The rotation that is under way. */
  rotation?: Rotation;
  /** While the host CA is rotated: its keys, signed by each of them, in base64; see `api/host_authorities.ts`. */
  signedKeys?: string;
}

/** Names of the certificate extensions that are ours. */
export const EXTENSION = {
  roles: "teleport-roles",
  hostRole: "x-teleport-role",
  cluster: "x-teleport-authority",
} as const;
