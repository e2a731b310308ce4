/**
 * The purposes of certificate authorities.
 * @module
 */

export type AuthorityKind = "user" | "host";

export const AUTHORITY_KINDS: readonly AuthorityKind[] = ["user", "host"];
