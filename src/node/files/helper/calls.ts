/**
 * The calls of the operating system that file transfers are made of. As in the kernel, a negative result is an error
 * number: most failures are answers to the client, not exceptions.
 * @module
 */
import { block } from "../../os/c_memory.ts";
import { lazyLibrary } from "../../os/lazy_library.ts";
import { EINTR, isArm64, libc, O_CLOEXEC, O_DIRECTORY, O_NOCTTY, O_RDONLY } from "../../os/libc.ts";
import { lastErrno } from "../../os/os_error.ts";

const c = lazyLibrary("libc.so.6", {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  truncate: { parameters: ["buffer", "i64"], result: "i32" },
  fchmodat: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  fchownat: { parameters: ["i32", "buffer", "u32", "u32", "i32"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  rmdir: { parameters: ["buffer"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  link: { parameters: ["buffer", "buffer"], result: "i32" },
  symlink: { parameters: ["buffer", "buffer"], result: "i32" },
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  realpath: { parameters: ["buffer", "buffer"], result: "pointer" },
  getcwd: { parameters: ["buffer", "usize"], result: "pointer" },
  chdir: { parameters: ["buffer"], result: "i32" },
  statvfs: { parameters: ["buffer", "buffer"], result: "i32" },
  fstatvfs: { parameters: ["i32", "buffer"], result: "i32" },
  copy_file_range: { parameters: ["i32", "buffer", "i32", "buffer", "usize", "u32"], result: "i32" },
}, { atOnce: [], advice: "file transfers need glibc 2.34 or newer" });

/** A path as the system takes it: bytes, a final NUL, and no other. */
export type CPath = Uint8Array<ArrayBuffer>;

const AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000;
const RENAME_NOREPLACE = 1;
const EMPTY = block(1);
const PATH_MAX = 4096;

export const EPERM = 1,
  ENOENT = 2,
  EBADF = 9,
  EACCES = 13,
  EFAULT = 14,
  EEXIST = 17,
  EXDEV = 18,
  ENOTDIR = 20;
export const EISDIR = 21,
  EINVAL = 22,
  EMFILE = 24,
  ENAMETOOLONG = 36,
  ENOSYS = 38,
  ELOOP = 40,
  EOPNOTSUPP = 95;
export const O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0o100, O_EXCL = 0o200, O_TRUNC = 0o1000, O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000, O_NOFOLLOW = isArm64 ? 0o100000 : 0o400000;
export { O_RDONLY };

/** `bytes` with a final NUL. The caller has made sure that there is none in them. */
export function cPath(bytes: Uint8Array): CPath {
  const path = block(bytes.length + 1);
  path.set(bytes);
  return path;
}

function result(value: number): number {
  return value < 0 ? -lastErrno() : value;
}

/** As {@link result}; again while signals interrupt it. */
function whole(call: () => number): number {
  for (;;) {
    const value = call();
    if (value >= 0) return value;
    const errno = lastErrno();
    if (errno !== EINTR) return -errno;
  }
}

/** Opens without ever taking a terminal for our own. @returns a descriptor */
export const open = (path: CPath, flags: number, mode = 0) =>
  whole(() => c.open(path, flags | O_CLOEXEC | O_NOCTTY, mode));
export const openDirectory = (path: CPath) => open(path, O_RDONLY | O_DIRECTORY);
export const close = (fd: number) => result(libc().close(fd));

export const read = (fd: number, into: Uint8Array<ArrayBuffer>) =>
  whole(() => libc().read(fd, into, BigInt(into.length)));
export const write = (fd: number, data: Uint8Array<ArrayBuffer>) =>
  whole(() => libc().write(fd, data, BigInt(data.length)));
export const readAt = (fd: number, into: Uint8Array<ArrayBuffer>, offset: number) =>
  whole(() => c.pread(fd, into, BigInt(into.length), BigInt(offset)));
export const writeAt = (fd: number, data: Uint8Array<ArrayBuffer>, offset: number) =>
  whole(() => c.pwrite(fd, data, BigInt(data.length), BigInt(offset)));

export const truncate = (path: CPath, size: number) => result(c.truncate(path, BigInt(size)));
export const truncateOpen = (fd: number, size: number) => result(c.ftruncate(fd, BigInt(size)));
/** @param follow false for a link itself */
export const changeMode = (path: CPath, mode: number, follow = true) =>
  result(c.fchmodat(AT_FDCWD, path, mode, follow ? 0 : AT_SYMLINK_NOFOLLOW));
export const changeModeOpen = (fd: number, mode: number) => result(c.fchmod(fd, mode));
export const changeOwner = (path: CPath, uid: number, gid: number, follow = true) =>
  result(c.fchownat(AT_FDCWD, path, uid, gid, follow ? 0 : AT_SYMLINK_NOFOLLOW));
export const changeOwnerOpen = (fd: number, uid: number, gid: number) => result(c.fchown(fd, uid, gid));
export const sync = (fd: number) => result(c.fsync(fd));

/** Two `struct timespec`: last access, last change; in seconds. */
function timespecs(accessed: number, modified: number): Uint8Array<ArrayBuffer> {
  const times = block(32);
  const view = new DataView(times.buffer);
  view.setBigInt64(0, BigInt(accessed), true);
  view.setBigInt64(16, BigInt(modified), true);
  return times;
}

export const changeTimes = (path: CPath, accessed: number, modified: number, follow = true) =>
  result(c.utimensat(AT_FDCWD, path, timespecs(accessed, modified), follow ? 0 : AT_SYMLINK_NOFOLLOW));
export const changeTimesOpen = (fd: number, accessed: number, modified: number) =>
  result(c.futimens(fd, timespecs(accessed, modified)));

export const makeDirectory = (path: CPath, mode: number) => result(c.mkdir(path, mode));
export const removeDirectory = (path: CPath) => result(c.rmdir(path));
export const removeFile = (path: CPath) => result(c.unlink(path));
export const hardLink = (from: CPath, to: CPath) => result(c.link(from, to));
export const symbolicLink = (says: CPath, at: CPath) => result(c.symlink(says, at));
export const rename = (from: CPath, to: CPath) => result(c.rename(from, to));
/** Fails with EEXIST where there is something already, and with EINVAL or ENOSYS where the file system cannot tell. */
export const renameNoReplace = (from: CPath, to: CPath) =>
  result(c.renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE));
export const enter = (path: CPath) => result(c.chdir(path));

/** @returns what the link says, or an error number */
export function readLink(path: CPath): Uint8Array | number {
  const text = block(PATH_MAX);
  const length = result(c.readlink(path, text, BigInt(text.length)));
  return length < 0 ? length : text.subarray(0, length);
}

/** The path without links, `.` and `..`; everything in it must exist. */
export function realPath(path: CPath): Uint8Array | number {
  const text = block(PATH_MAX + 1);
  if (c.realpath(path, text) === null) return -lastErrno();
  return text.subarray(0, text.indexOf(0));
}

export function workingDirectory(): Uint8Array | undefined {
  const text = block(PATH_MAX + 1);
  return c.getcwd(text, BigInt(text.length)) === null ? undefined : text.subarray(0, text.indexOf(0));
}

/** What statx(2) tells of a file. */
export interface FileInfo {
  mode: number;
  links: number;
  uid: number;
  gid: number;
  size: number;
  /** Seconds since the epoch. */
  accessed: number;
  modified: number;
  device: number;
  inode: bigint;
}

const STATX_BASIC_STATS = 0x7ff;
const statxBlock = block(256);
const statxView = new DataView(statxBlock.buffer);

/**
 * @param directory a descriptor that a relative path starts from
 * @returns what the file is, or an error number
 */
export function fileInfo(path: CPath, follow: boolean, directory = AT_FDCWD): FileInfo | number {
  return statx(directory, path, follow ? 0 : AT_SYMLINK_NOFOLLOW);
}

export function openFileInfo(fd: number): FileInfo | number {
  return statx(fd, EMPTY, AT_EMPTY_PATH);
}

function statx(directory: number, path: CPath, flags: number): FileInfo | number {
  const failed = result(c.statx(directory, path, flags, STATX_BASIC_STATS, statxBlock));
  if (failed < 0) return failed;
  return {
    mode: statxView.getUint16(28, true),
    links: statxView.getUint32(16, true),
    uid: statxView.getUint32(20, true),
    gid: statxView.getUint32(24, true),
    size: Number(statxView.getBigUint64(40, true)),
    accessed: Number(statxView.getBigInt64(64, true)),
    modified: Number(statxView.getBigInt64(112, true)),
    device: statxView.getUint32(136, true) * 0x1_0000_0000 + statxView.getUint32(140, true),
    inode: statxView.getBigUint64(32, true),
  };
}

/** The eleven numbers of `struct statvfs` (the same on x86_64 and aarch64), in its order. */
export function fileSystem(of: CPath | number): bigint[] | number {
  const text = block(128);
  const failed = result(typeof of === "number" ? c.fstatvfs(of, text) : c.statvfs(of, text));
  if (failed < 0) return failed;
  const view = new DataView(text.buffer);
  return Array.from({ length: 11 }, (_, index) => view.getBigUint64(index * 8, true));
}

/** Copies inside the kernel. @returns the number of bytes, 0 at the end of the file */
export function copyRange(
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  most: number,
): number {
  const [source, target] = [block(8), block(8)];
  new DataView(source.buffer).setBigInt64(0, BigInt(fromOffset), true);
  new DataView(target.buffer).setBigInt64(0, BigInt(toOffset), true);
  return whole(() => c.copy_file_range(from, source, to, target, BigInt(most), 0));
}

const entries = block(32 * 1024);
const entriesView = new DataView(entries.buffer);

/** The next names of an open directory, none at its end, or an error number. */
export function nextNames(directory: number): Uint8Array<ArrayBuffer>[] | number {
  const size = result(libc().getdents64(directory, entries, BigInt(entries.length)));
  if (size < 0) return size;
  const names: Uint8Array<ArrayBuffer>[] = [];
  // `struct linux_dirent64`: inode 0, offset 8, record length 16 (16 bits), type 18, name 19.
  for (let at = 0; at < size;) {
    const length = entriesView.getUint16(at + 16, true);
    const end = entries.indexOf(0, at + 19);
    names.push(entries.slice(at + 19, end));
    at += length;
  }
  return names;
}
