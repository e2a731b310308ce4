/**
 * What the handlers of sftp requests share.
 * @module
 */
import type { Attributes } from "../../../ssh/sftp/attributes.ts";
import type { SftpOptions } from "../plan.ts";
import type { Answers } from "./answers.ts";
import { type CPath, cPath, EINVAL, type FileInfo } from "./calls.ts";
import type { Handles } from "./handles.ts";
import type { Reporter } from "./reporter.ts";

export interface SftpSession {
  answers: Answers;
  handles: Handles;
  reporter: Reporter;
  options: SftpOptions;
}

/** A path the client sent, for the system; undefined when it holds a NUL, which no path does. */
export function pathOf(bytes: Uint8Array): CPath | undefined {
  return bytes.includes(0) ? undefined : cPath(bytes);
}

export function attributesOf(info: FileInfo): Attributes {
  return {
    size: info.size,
    owner: { uid: info.uid, gid: info.gid },
    mode: info.mode,
    times: { accessed: info.accessed, modified: info.modified },
  };
}

/** How to change a file, reached by its path or by its descriptor. */
export interface Changes {
  size?(size: number): number;
  mode(mode: number): number;
  times(accessed: number, modified: number): number;
  owner(uid: number, gid: number): number;
}

/** Does all that is asked for, also after a failure, as OpenSSH does. @returns the last failure, or 0 */
export function applyChanges(changes: Changes, { size, mode, times, owner }: Attributes): number {
  let failure = 0;
  const keep = (result: number) => {
    if (result < 0) failure = result;
  };
  if (size !== undefined) keep(changes.size && Number.isSafeInteger(size) ? changes.size(size) : -EINVAL);
  if (mode !== undefined) keep(changes.mode(mode));
  if (times) keep(changes.times(times.accessed, times.modified));
  if (owner) keep(changes.owner(owner.uid, owner.gid));
  return failure;
}

/** The wanted changes in words, by kind, for a report. */
export function describeChanges({ size, mode, times, owner }: Attributes): Map<string, string> {
  const words = new Map<string, string>();
  if (size !== undefined) words.set("size", `size=${size}`);
  if (mode !== undefined) words.set("mode", `mode=${octal(mode)}`);
  if (times) words.set("times", `modified=${new Date(times.modified * 1000).toISOString()}`);
  if (owner) words.set("owner", `owner=${owner.uid}:${owner.gid}`);
  return words;
}

export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
