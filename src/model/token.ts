/**
 * Join tokens and invitations as they are listed.
 * @module
 */
import type { JoinRole } from "./identity.ts";

/** What `tctl tokens ls` shows. */
export interface TokenRecord {
  token: string;
  roles: (JoinRole | "signup")[];
  /** Milliseconds since the epoch; undefined when it never expires. */
  expires?: number;
  /** True for a token of the configuration file. */
  static: boolean;
  /** For invitations: whose. */
  user?: string;
}
