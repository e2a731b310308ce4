/**
 * Roles: what a user may do. A role allows and denies logins, nodes by label, and actions on the cluster's resources;
 * deny wins, and what no role allows is denied.
 * @module
 */

/** What can be done to a resource. `readnosecrets` reads without keys and secrets. */
export type Verb = "list" | "create" | "read" | "readnosecrets" | "update" | "delete" | "rotate";

export const VERBS: readonly Verb[] = [
  "list",
  "create",
  "read",
  "readnosecrets",
  "update",
  "delete",
  "rotate",
];

/** Actions on kinds of resources; `*` stands for all of either. */
export interface Rule {
  resources: readonly string[];
  verbs: readonly (Verb | "*")[];
  /** A condition on the user and the resource; see `where.ts`. */
  where?: string;
}

/** One side of a role: what it allows, or what it denies. */
export interface Conditions {
  /** OS logins, or templates of them: `{{internal.logins}}`, `{{external.unix}}`. */
  logins: readonly string[];
  /** Labels a node must have, all of them; `*: *` stands for every node. Values are alternatives. */
  nodeLabels: Readonly<Record<string, readonly string[]>>;
  rules: readonly Rule[];
}

/** What users' certificates look like: `oldssh` leaves their roles out, for OpenSSH 7.1 and older. */
export const CERT_FORMATS = ["standard", "oldssh"] as const;
export type CertFormat = typeof CERT_FORMATS[number];

/** How the certificates and sessions of a role's users behave. Of several roles the strictest counts. */
export interface RoleOptions {
  /** Longest life of a certificate in milliseconds. */
  maxSessionTtl: number;
  forwardAgent: boolean;
  portForwarding: boolean;
  x11Forwarding: boolean;
  /** Milliseconds without traffic after which a connection is closed; 0 is never. */
  clientIdleTimeout: number;
  /** Whether connections end when their certificate does. */
  disconnectExpiredCert: boolean;
  certFormat: CertFormat;
}

export interface Role {
  name: string;
  description?: string;
  /** Milliseconds since the epoch. */
  expires?: number;
  options: RoleOptions;
  allow: Conditions;
  deny: Conditions;
}
