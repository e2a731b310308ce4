/**
 * Requests on open files: open, read, write, close, and what is told or changed by a handle.
 * @module
 */
import { PERMISSIONS } from "../../../ssh/sftp/attributes.ts";
import { MAX_DATA, OpenFlag, Status } from "../../../ssh/sftp/protocol.ts";
import type {
  ChangeHandleRequest,
  CopyRequest,
  OpenRequest,
  ReadRequest,
  WriteRequest,
} from "../../../ssh/sftp/request.ts";
import {
  changeModeOpen,
  changeOwnerOpen,
  changeTimesOpen,
  close,
  copyRange,
  EACCES,
  EINVAL,
  EMFILE,
  ENOSYS,
  EOPNOTSUPP,
  EXDEV,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  open,
  openFileInfo,
  readAt,
  sync,
  truncateOpen,
  writeAt,
} from "./calls.ts";
import type { OpenFile } from "./handles.ts";
import { applyChanges, attributesOf, describeChanges, pathOf, type SftpSession } from "./sftp_session.ts";

const DEFAULT_MODE = 0o666;
const NO_HANDLE = "Invalid handle";

export function openFile(session: SftpSession, id: number, { path, flags, attributes }: OpenRequest): void {
  const { answers, handles, reporter, options } = session;
  const cPath = pathOf(path);
  if (!cPath) return answers.status(id, Status.BAD_MESSAGE);
  const changes = (flags & (OpenFlag.WRITE | OpenFlag.CREATE | OpenFlag.TRUNCATE)) !== 0;
  const action = changes ? "write" : "read";
  const mode = attributes.mode === undefined ? DEFAULT_MODE : attributes.mode & PERMISSIONS;
  const fd = options.readOnly && changes
    ? -EACCES
    : handles.full
    ? -EMFILE
    : open(cPath, systemFlags(flags), mode);
  const info = fd < 0 ? fd : openFileInfo(fd);
  const refused = typeof info === "number" ? info : reporter.isReports(info) ? -EACCES : 0;
  if (refused < 0) {
    if (fd >= 0) close(fd);
    reporter.done(action, path, refused);
    return answers.result(id, refused);
  }
  const opened = reporter.opened(action, path, fd);
  answers.handle(id, handles.add({ type: "file", fd, opened, read: 0, written: 0, changes: new Map() }));
}

function systemFlags(flags: number): number {
  const [read, write] = [flags & OpenFlag.READ, flags & OpenFlag.WRITE];
  return (write ? (read ? O_RDWR : O_WRONLY) : O_RDONLY) | (flags & OpenFlag.APPEND ? O_APPEND : 0) |
    (flags & OpenFlag.CREATE ? O_CREAT : 0) | (flags & OpenFlag.TRUNCATE ? O_TRUNC : 0) |
    (flags & OpenFlag.EXCLUSIVE ? O_EXCL : 0);
}

/** Runs `use` on the open file of a request, or answers that there is none. */
function withFile(
  { answers, handles }: SftpSession,
  id: number,
  handle: Uint8Array,
  use: (file: OpenFile) => void,
): void {
  const file = handles.file(handle);
  if (file) use(file);
  else answers.status(id, Status.FAILURE, NO_HANDLE);
}

export function readFile(session: SftpSession, id: number, { handle, offset, length }: ReadRequest): void {
  withFile(session, id, handle, (file) => {
    const { answers } = session;
    if (!Number.isSafeInteger(offset)) return answers.result(id, -EINVAL);
    const count = answers.data(id, length, (into) => readAt(file.fd, into, offset));
    if (count > 0) file.read += count;
    else if (count < 0) file.failed ??= count;
  });
}

export function writeFile(session: SftpSession, id: number, { handle, offset, data }: WriteRequest): void {
  withFile(session, id, handle, (file) => {
    const result = Number.isSafeInteger(offset) ? writeAll(file.fd, data, offset) : -EINVAL;
    if (result < 0) file.failed ??= result;
    else file.written += data.length;
    session.answers.result(id, result);
  });
}

/** @returns a negative error number when not all could be written */
function writeAll(fd: number, data: Uint8Array, offset: number): number {
  for (let done = 0; done < data.length;) {
    const count = writeAt(fd, data.subarray(done) as Uint8Array<ArrayBuffer>, offset + done);
    if (count < 0) return count;
    done += count;
  }
  return 0;
}

export function closeHandle({ answers, handles }: SftpSession, id: number, handle: Uint8Array): void {
  const result = handles.close(handle);
  if (result === undefined) answers.status(id, Status.NO_SUCH_FILE, NO_HANDLE);
  else answers.result(id, result);
}

export function statHandle(session: SftpSession, id: number, handle: Uint8Array): void {
  withFile(session, id, handle, (file) => {
    const info = openFileInfo(file.fd);
    if (typeof info === "number") session.answers.result(id, info);
    else session.answers.attributes(id, attributesOf(info));
  });
}

export function changeHandle(
  session: SftpSession,
  id: number,
  { handle, attributes }: ChangeHandleRequest,
): void {
  withFile(session, id, handle, ({ fd, opened, changes }) => {
    const result = applyChanges({
      size: (size) => truncateOpen(fd, size),
      mode: (mode) => changeModeOpen(fd, mode & PERMISSIONS),
      times: (accessed, modified) => changeTimesOpen(fd, accessed, modified),
      owner: (uid, gid) => changeOwnerOpen(fd, uid, gid),
    }, attributes);
    const { action, path, real } = opened;
    const described = describeChanges(attributes);
    if (result === 0 && action === "write") { for (const [kind, text] of described) changes.set(kind, text); }
    else session.reporter.done("setstat", path, result, { real, change: [...described.values()].join(" ") });
    session.answers.result(id, result);
  });
}

export function syncHandle(session: SftpSession, id: number, handle: Uint8Array): void {
  withFile(session, id, handle, ({ fd }) => session.answers.result(id, sync(fd)));
}

/** The kernel copies in pieces of this size. */
const KERNEL_PIECE = 64 * 1024 * 1024;
const CANNOT_COPY_INSIDE = new Set([EXDEV, EINVAL, ENOSYS, EOPNOTSUPP]);

export function copyData(session: SftpSession, id: number, request: CopyRequest): void {
  withFile(session, id, request.from, (from) => {
    withFile(session, id, request.to, (to) => {
      const result = overlaps(from, to, request) ? -EINVAL : copy(from, to, request);
      if (result < 0) to.failed ??= result;
      session.answers.status(id, result < 0 ? Status.FAILURE : Status.OK);
    });
  });
}

/** One file, and ranges of it that share bytes, or numbers that no file has. */
function overlaps(from: OpenFile, to: OpenFile, { fromOffset, toOffset, length }: CopyRequest): boolean {
  if (![fromOffset, toOffset, length, fromOffset + length, toOffset + length].every(Number.isSafeInteger)) {
    return true;
  }
  const [source, target] = [openFileInfo(from.fd), openFileInfo(to.fd)];
  if (typeof source === "number" || typeof target === "number") return true;
  if (source.device !== target.device || source.inode !== target.inode) return false;
  return length === 0 || fromOffset < toOffset + length && toOffset < fromOffset + length;
}

function copy(from: OpenFile, to: OpenFile, { fromOffset, toOffset, length }: CopyRequest): number {
  const end = length === 0 ? Infinity : length;
  let inKernel = true;
  let done = 0;
  const buffer = new Uint8Array(MAX_DATA);
  while (done < end) {
    const most = Math.min(end - done, inKernel ? KERNEL_PIECE : buffer.length);
    let count = inKernel
      ? copyRange(from.fd, fromOffset + done, to.fd, toOffset + done, most)
      : readAt(from.fd, buffer.subarray(0, most), fromOffset + done);
    if (inKernel && (CANNOT_COPY_INSIDE.has(-count) || count === 0 && done === 0)) {
      inKernel = false; // another file system, or one that pretends to be empty, as /proc does
      continue;
    }
    if (!inKernel && count > 0) {
      const failed = writeAll(to.fd, buffer.subarray(0, count), toOffset + done);
      if (failed < 0) count = failed;
    }
    if (count <= 0) return count;
    done += count;
    from.read += count;
    to.written += count;
  }
  return 0;
}
