/**
 * The server's side of sftp, version 3, as OpenSSH's sftp-server behaves: packets from standard input, one after the
 * other, each with one answer to standard output.
 * @module
 */
import { isAppError } from "../../../base/errors.ts";
import { EXTENSION_VERSIONS, MAX_PACKET, PacketType, Status } from "../../../ssh/sftp/protocol.ts";
import { decodeRequest, type Request } from "../../../ssh/sftp/request.ts";
import { encodeVersion } from "../../../ssh/sftp/response.ts";
import type { SftpOptions } from "../plan.ts";
import type { FileAction } from "../report.ts";
import { Answers } from "./answers.ts";
import { EACCES } from "./calls.ts";
import { nextListing, openListing } from "./directory_requests.ts";
import { Ended, FAILED } from "./ended.ts";
import { tellFileSystem, tellHome, tellLimits, tellNames } from "./extended_requests.ts";
import {
  changeHandle,
  closeHandle,
  copyData,
  openFile,
  readFile,
  statHandle,
  syncHandle,
  writeFile,
} from "./file_requests.ts";
import { Handles } from "./handles.ts";
import { changePair, makePath, namePath, removePath, setAttributes, statPath } from "./path_requests.ts";
import type { Reporter } from "./reporter.ts";
import type { SftpSession } from "./sftp_session.ts";
import { readInput } from "./stdio.ts";

/** A whole packet always fits, with room to read on behind it. */
const INPUT_SIZE = 2 * (MAX_PACKET + 4);

/** Serves until the client ends. Throws {@link Ended} when it breaks the protocol or is gone. */
export function serveSftp(options: SftpOptions, reporter: Reporter): void {
  const handles = new Handles(reporter);
  const session: SftpSession = { answers: new Answers(), handles, reporter, options };
  try {
    serve(session);
  } finally {
    handles.closeAll("the session ended before the file was closed");
  }
}

function serve(session: SftpSession): void {
  const input = new Uint8Array(INPUT_SIZE);
  const view = new DataView(input.buffer);
  let start = 0, end = 0;
  let begun = false;
  for (;;) {
    while (end - start >= 4) {
      const length = view.getUint32(start);
      if (length === 0 || length > MAX_PACKET) throw new Ended(FAILED);
      if (end - start < 4 + length) break;
      const packet = input.subarray(start + 4, start + 4 + length);
      start += 4 + length;
      begun = answer(session, packet, begun);
      session.answers.flushIfMuch();
    }
    session.answers.flush();
    if (start > 0) {
      input.copyWithin(0, start, end);
      end -= start;
      start = 0;
    }
    const count = readInput(input.subarray(end));
    if (count === 0) return;
    end += count;
  }
}

/** @returns true: the session has begun */
function answer(session: SftpSession, packet: Uint8Array, begun: boolean): boolean {
  if (packet[0] === PacketType.INIT) {
    session.answers.first((writer) => encodeVersion(writer, EXTENSION_VERSIONS));
    return true;
  }
  if (!begun || packet.length < 5) throw new Ended(FAILED);
  const id = new DataView(packet.buffer, packet.byteOffset).getUint32(1);
  try {
    const { request } = decodeRequest(packet);
    if (isPermitted(session.options, request)) handle(session, id, request);
    else refuse(session, id, request);
  } catch (error) {
    if (!isAppError(error)) throw error;
    session.answers.status(id, error.code === "bad_input" ? Status.BAD_MESSAGE : Status.FAILURE);
  }
  return true;
}

/** Requests that change something; whether `open` does is for itself to see. */
const CHANGING: ReadonlySet<Request["type"]> = new Set([
  "write",
  "setstat",
  "fsetstat",
  "lsetstat",
  "remove",
  "mkdir",
  "rmdir",
  "rename",
  "posix-rename",
  "symlink",
  "hardlink",
  "fsync",
  "copy-data",
]);

function isPermitted({ readOnly, allowed, denied }: SftpOptions, { type }: Request): boolean {
  if (denied.includes(type) || allowed !== undefined && !allowed.includes(type)) return false;
  return !readOnly || !CHANGING.has(type);
}

/** What a request would have done, for the report of its refusal. */
const ACTIONS: Readonly<Partial<Record<Request["type"], FileAction>>> = {
  open: "read",
  opendir: "list",
  remove: "remove",
  mkdir: "mkdir",
  rmdir: "rmdir",
  rename: "rename",
  "posix-rename": "rename",
  setstat: "setstat",
  lsetstat: "setstat",
  symlink: "symlink",
  hardlink: "link",
  stat: "stat",
  lstat: "stat",
};

function refuse({ answers, reporter }: SftpSession, id: number, request: Request): void {
  const action = ACTIONS[request.type];
  if (action && "path" in request) reporter.done(action, request.path, -EACCES);
  answers.status(id, Status.PERMISSION_DENIED);
}

function handle(session: SftpSession, id: number, request: Request): void {
  switch (request.type) {
    case "open":
      return openFile(session, id, request);
    case "read":
      return readFile(session, id, request);
    case "write":
      return writeFile(session, id, request);
    case "close":
      return closeHandle(session, id, request.handle);
    case "fstat":
      return statHandle(session, id, request.handle);
    case "fsetstat":
      return changeHandle(session, id, request);
    case "fsync":
      return syncHandle(session, id, request.handle);
    case "copy-data":
      return copyData(session, id, request);
    case "stat":
    case "lstat":
      return statPath(session, id, request.path, request.type === "stat");
    case "realpath":
    case "readlink":
    case "expand-path":
      return namePath(session, id, request);
    case "remove":
    case "rmdir":
      return removePath(session, id, request);
    case "mkdir":
      return makePath(session, id, request);
    case "setstat":
    case "lsetstat":
      return setAttributes(session, id, request);
    case "rename":
    case "posix-rename":
    case "hardlink":
    case "symlink":
      return changePair(session, id, request);
    case "opendir":
      return openListing(session, id, request.path);
    case "readdir":
      return nextListing(session, id, request.handle);
    case "statvfs":
    case "fstatvfs":
      return tellFileSystem(session, id, request);
    case "limits":
      return tellLimits(session, id);
    case "home-directory":
      return tellHome(session, id, request.user);
    case "users-groups-by-id":
      return tellNames(session, id, request);
    case "unknown":
      return session.answers.status(id, Status.OP_UNSUPPORTED);
  }
}
