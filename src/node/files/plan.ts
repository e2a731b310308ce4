/**
 * What the node wants of a process that serves files: whom it must become, and what it is to do. The process reads it
 * from descriptor 4, which only the node can have filled.
 * @module
 */
import { AppError } from "../../base/errors.ts";

/** The words after `internal-sftp`, as sftp-server(8) has them. */
export interface SftpOptions {
  /** Nothing may be changed. */
  readOnly: boolean;
  /** Where relative paths begin, instead of the home directory. */
  startDirectory?: string;
  /** The only requests that are served, by OpenSSH's names for them. */
  allowed?: string[];
  /** Requests that are not served. */
  denied: string[];
  umask?: number;
}

/** A call of scp with -t or -f. */
export interface ScpOptions {
  direction: "source" | "sink";
  recursive: boolean;
  /** Times and modes are kept. */
  preserve: boolean;
  /** The target must be a directory. */
  toDirectory: boolean;
  verbose: boolean;
  /** Paths, each character one byte. */
  paths: string[];
}

export interface HelperPlan {
  /** Whom to become for good; absent when the node can run nothing but its own user's programs. */
  user?: { uid: number; gid: number; groups: number[] };
  home: string;
  task: { type: "sftp"; options: SftpOptions } | { type: "scp"; options: ScpOptions };
}

const encoder = new TextEncoder();

export function formatPlan(plan: HelperPlan): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(plan));
}

/** @throws {AppError} bad_input */
export function parsePlan(bytes: Uint8Array): HelperPlan {
  const plan: HelperPlan = JSON.parse(new TextDecoder().decode(bytes));
  if (typeof plan?.home !== "string" || typeof plan.task?.type !== "string") {
    throw new AppError(
      "bad_input",
      "the node gave a plan that this program does not understand: restart the node",
    );
  }
  return plan;
}

/** The words of a path, each character one byte, as those bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
