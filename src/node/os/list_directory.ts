/**
 * The names in a directory, read through the C library: a Worker that may use ffi need not have read permission.
 * @module
 */
import { block, cString, textUntilNul } from "./c_memory.ts";
import { libc, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "./libc.ts";
import { must } from "./os_error.ts";

/** All names, `.` and `..` included, in no order. Throws AppError when the directory cannot be read. */
export function listDirectory(path: string): string[] {
  const c = libc();
  const fd = must(c.open(cString(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), `open ${path}`);
  try {
    const names: string[] = [];
    const entries = block(32768);
    const view = new DataView(entries.buffer);
    for (;;) {
      const size = must(c.getdents64(fd, entries, BigInt(entries.length)), `read ${path}`);
      if (size === 0) return names;
      // `struct linux_dirent64`: inode 0, offset 8, record length 16 (16 bits), type 18, name 19.
      for (let at = 0; at < size;) {
        const length = view.getUint16(at + 16, true);
        names.push(textUntilNul(entries.subarray(at + 19, at + length)));
        at += length;
      }
    }
  } finally {
    c.close(fd);
  }
}
