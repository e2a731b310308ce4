/**
 * Requests that name files by their paths.
 * @module
 */
import { PERMISSIONS } from "../../../ssh/sftp/attributes.ts";
import { Status } from "../../../ssh/sftp/protocol.ts";
import type { OnAttributes, OnPair, OnPath, PairRequest } from "../../../ssh/sftp/request.ts";
import type { FileAction } from "../report.ts";
import {
  changeMode,
  changeOwner,
  changeTimes,
  type CPath,
  EACCES,
  EEXIST,
  EINVAL,
  ENOSYS,
  EPERM,
  fileInfo,
  hardLink,
  makeDirectory,
  readLink,
  removeDirectory,
  removeFile,
  rename,
  renameNoReplace,
  symbolicLink,
  truncate,
} from "./calls.ts";
import { shownText } from "./reporter.ts";
import { expandPath, resolvePath } from "./resolve_path.ts";
import {
  applyChanges,
  attributesOf,
  describeChanges,
  octal,
  pathOf,
  type SftpSession,
} from "./sftp_session.ts";

const DEFAULT_DIRECTORY_MODE = 0o777;

/** A refused look at something is told of as well; that something is not there is not. */
export function reportRefusal(
  { reporter }: SftpSession,
  action: FileAction,
  path: Uint8Array,
  result: number,
): void {
  if (result === -EACCES || result === -EPERM) reporter.done(action, path, result);
}

export function statPath(session: SftpSession, id: number, path: Uint8Array, follow: boolean): void {
  const { answers } = session;
  const cPath = pathOf(path);
  if (!cPath) return answers.status(id, Status.BAD_MESSAGE);
  const info = fileInfo(cPath, follow);
  if (typeof info !== "number") return answers.attributes(id, attributesOf(info));
  reportRefusal(session, "stat", path, info);
  answers.result(id, info);
}

/** realpath, expand-path and readlink: a path that leads to a name. */
export function namePath(session: SftpSession, id: number, { type, path }: OnPath): void {
  const { answers } = session;
  const cPath = pathOf(path);
  if (!cPath) return answers.status(id, Status.BAD_MESSAGE);
  const name = type === "readlink"
    ? readLink(cPath)
    : type === "expand-path"
    ? expandPath(path)
    : resolvePath(path);
  if (typeof name !== "number") return answers.name(id, name);
  reportRefusal(session, "stat", path, name);
  answers.result(id, name);
}

export function removePath(session: SftpSession, id: number, { type, path }: OnPath): void {
  changePath(
    session,
    id,
    type === "rmdir" ? "rmdir" : "remove",
    path,
    type === "rmdir" ? removeDirectory : removeFile,
  );
}

export function makePath(
  session: SftpSession,
  id: number,
  { path, attributes }: OnAttributes,
): void {
  const mode = attributes.mode === undefined ? DEFAULT_DIRECTORY_MODE : attributes.mode & PERMISSIONS;
  changePath(session, id, "mkdir", path, (cPath) => makeDirectory(cPath, mode), `mode=${octal(mode)}`);
}

export function setAttributes(session: SftpSession, id: number, request: OnAttributes): void {
  const { type, path, attributes } = request;
  const follow = type === "setstat";
  changePath(session, id, "setstat", path, (cPath) =>
    applyChanges({
      ...(follow ? { size: (size: number) => truncate(cPath, size) } : {}), // a link has no size to set
      mode: (mode) => changeMode(cPath, mode & PERMISSIONS, follow),
      times: (accessed, modified) => changeTimes(cPath, accessed, modified, follow),
      owner: (uid, gid) => changeOwner(cPath, uid, gid, follow),
    }, attributes), [...describeChanges(attributes).values()].join(" "));
}

function changePath(
  { answers, reporter }: SftpSession,
  id: number,
  action: FileAction,
  path: Uint8Array,
  change: (path: CPath) => number,
  what?: string,
): void {
  const cPath = pathOf(path);
  if (!cPath) return answers.status(id, Status.BAD_MESSAGE);
  const result = change(cPath);
  reporter.done(action, path, result, { change: what });
  answers.result(id, result);
}

const PAIRS: Readonly<
  Record<PairRequest, { action: FileAction; change: (path: CPath, target: CPath) => number }>
> = {
  rename: { action: "rename", change: renameOnly },
  "posix-rename": { action: "rename", change: rename },
  hardlink: { action: "link", change: hardLink },
  symlink: { action: "symlink", change: symbolicLink },
};

/** In a report of a link, `path` is the new name and `target` what it leads to; of a rename, the old and the new name. */
export function changePair({ answers, reporter }: SftpSession, id: number, request: OnPair): void {
  const { type, path, target } = request;
  const [from, to] = [pathOf(path), pathOf(target)];
  if (!from || !to) return answers.status(id, Status.BAD_MESSAGE);
  const { action, change } = PAIRS[type];
  const result = change(from, to);
  const isLink = action !== "rename";
  reporter.done(action, isLink ? target : path, result, {
    target: type === "symlink" ? shownText(path) : reporter.absolute(isLink ? path : target),
  });
  answers.result(id, result);
}

/** rename as version 3 wants it: never over something that is there. */
function renameOnly(from: CPath, to: CPath): number {
  const result = renameNoReplace(from, to);
  if (result !== -EINVAL && result !== -ENOSYS) return result;
  // The file system cannot do it in one step, so there is a moment in between, as in OpenSSH.
  return typeof fileInfo(to, false) === "number" ? rename(from, to) : -EEXIST;
}
