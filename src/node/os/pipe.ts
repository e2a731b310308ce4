/**
 * Pipes of the operating system.
 * @module
 */
import { block } from "./c_memory.ts";
import { libc, O_CLOEXEC } from "./libc.ts";
import { must } from "./os_error.ts";

const F_SETPIPE_SZ = 1031;
/** Bytes the kernel holds for a pipe: more than usual, for fewer turns of the reactor in bulk transfers. */
const PIPE_SIZE = 256 * 1024;

/** Both ends of a new pipe, which the caller closes. Throws AppError: `limit` when no descriptor is left. */
export function openPipe(): { read: number; write: number } {
  const ends = block(8);
  must(libc().pipe2(ends, O_CLOEXEC), "open a pipe");
  const view = new DataView(ends.buffer);
  const read = view.getInt32(0, true), write = view.getInt32(4, true);
  libc().fcntl(read, F_SETPIPE_SZ, PIPE_SIZE); // may be refused, then the pipe has the usual size
  return { read, write };
}
