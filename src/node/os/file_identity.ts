/**
 * Which file a path names, asked through the C library: a Worker that may use ffi need not have read permission.
 * @module
 */
import { block, cString } from "./c_memory.ts";
import { isArm64, libc } from "./libc.ts";

export interface FileIdentity {
  device: bigint;
  inode: bigint;
  uid: number;
  isDirectory: boolean;
  /** Permission bits. */
  mode: number;
}

// `struct stat` of 64-bit Linux: device 0, inode 8; then links and mode in an order of its own, user.
const STAT_SIZE = 144;
const MODE = isArm64 ? 16 : 24, USER = isArm64 ? 24 : 28;
const S_IFMT = 0o170000, S_IFDIR = 0o040000;

/** The file itself, should the path name a symbolic link; undefined when there is none or it cannot be reached. */
export function fileIdentity(path: string): FileIdentity | undefined {
  const stat = block(STAT_SIZE);
  if (libc().lstat(cString(path), stat) !== 0) return undefined;
  const view = new DataView(stat.buffer);
  const mode = view.getUint32(MODE, true);
  return {
    device: view.getBigUint64(0, true),
    inode: view.getBigUint64(8, true),
    uid: view.getUint32(USER, true),
    isDirectory: (mode & S_IFMT) === S_IFDIR,
    mode: mode & 0o7777,
  };
}
