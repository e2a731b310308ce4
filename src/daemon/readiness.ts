/**
 * Whether a daemon is ready for clients, and if not, why.
 * @module
 */
import { MINUTE } from "../base/duration.ts";
import type { DaemonReport, RoleReport } from "./report.ts";

export interface Readiness {
  status: "ok" | "unavailable";
  roles: Record<string, { status: "ok" | "unavailable"; reason?: string }>;
}

/** Shorter than this, an auth server may be away: it is being replaced, or the network had a hiccup. */
const AUTH_LOST_MS = MINUTE / 2;

/** @param leaving the daemon waits for its last clients */
export function readinessOf(report: Pick<DaemonReport, "roles">, leaving: boolean): Readiness {
  const roles = report.roles.map((role) => [role.role, reasonOf(role, leaving)] as const);
  return {
    status: roles.every(([, reason]) => reason === undefined) ? "ok" : "unavailable",
    roles: Object.fromEntries(
      roles.map((
        [role, reason],
      ) => [role, reason === undefined ? { status: "ok" } : { status: "unavailable", reason }]),
    ),
  };
}

function reasonOf(
  { phase, worker, authLostMs = 0, lastFailure }: RoleReport,
  leaving: boolean,
): string | undefined {
  if (leaving) return "the daemon takes no new connections";
  switch (phase) {
    case "elsewhere": // the process that takes over serves it
      return undefined;
    case "starting":
      return "it is starting";
    case "waiting":
      return `it is started again after a failure: ${lastFailure}`;
    case "draining":
    case "ended":
      return "it has ended";
    case "ready":
      if (!worker) return "it does not answer";
      if (authLostMs >= AUTH_LOST_MS) {
        return `it has had no connection to the auth server for ${Math.round(authLostMs / 1000)} s`;
      }
  }
}
