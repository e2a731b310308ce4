/**
 * Small system files read through the C library, because a Worker that may use ffi need not have read permission.
 * @module
 */
import { cString } from "./c_memory.ts";
import { libc, O_CLOEXEC, O_RDONLY } from "./libc.ts";

/** The text of a file, at most `limit` bytes of it; undefined when it cannot be read. */
export function readSmallFile(path: string, limit = 65536): string | undefined {
  const fd = libc().open(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return undefined;
  try {
    const bytes = new Uint8Array(limit);
    let length = 0;
    while (length < limit) {
      const count = libc().read(fd, bytes.subarray(length), BigInt(limit - length));
      if (count < 0) return undefined;
      if (count === 0) break;
      length += count;
    }
    return new TextDecoder().decode(bytes.subarray(0, length));
  } finally {
    libc().close(fd);
  }
}
