/**
 * Cluster users.
 * @module
 */

/** A user as the cluster knows it, without secrets. */
export interface User {
  name: string;
  roles: string[];
  /** OS logins this user may use on nodes. */
  logins: string[];
  /** Milliseconds since the epoch. */
  created: number;
  createdBy: string;
}

/** The role everybody gets until roles are managed: all nodes, with the logins of the user. */
export const ADMIN_ROLE = "admin";
