/**
 * What the node wants of a process that holds a PAM session, which reads it from descriptor 4, and what that process says
 * of it on descriptor 3.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { SpawnOptions } from "../os/spawn.ts";

export interface PamPlan {
  /** The name of a file in `/etc/pam.d`. */
  service: string;
  /** The OS user. */
  user: string;
  /** Path of the terminal; OpenSSH's word where there is none is "ssh". */
  tty: string;
  /** Where the client is. */
  rhost: string;
  /** Modules are to tell nothing, as where nobody would see it. */
  silent: boolean;
  /** What runs inside the session; without it, the session lasts until the end of standard input. */
  program?: SpawnOptions;
}

/** Why there is no session, or that there is one. */
export type PamReport = { type: "opened" } | { type: "refused"; reason: string };

const encoder = new TextEncoder();

export function formatPamPlan(plan: PamPlan): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(plan));
}

/** @throws {AppError} bad_input */
export function parsePamPlan(text: string): PamPlan {
  const plan: PamPlan = JSON.parse(text);
  if (typeof plan?.service === "string" && typeof plan.user === "string") return plan;
  throw new AppError("bad_input", "it is started by the node, not by hand");
}

export function formatPamReport(report: PamReport): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${JSON.stringify(report)}\n`);
}

/** @throws {AppError} unavailable for what is no report, as when the process ended before it could say anything */
export function parsePamReport(line: string): PamReport {
  try {
    const report: PamReport = JSON.parse(line);
    if (report.type === "opened" || report.type === "refused") return report;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AppError("unavailable", "the process that opens PAM sessions has failed");
}
