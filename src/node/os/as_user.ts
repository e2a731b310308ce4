/**
 * Single calls of the operating system with the rights of another user: so a socket or a file is reached or made as that
 * user could by himself, and who is at its other end sees that user.
 *
 * On Linux every thread has credentials of its own; the C library's functions change those of all threads, the bare
 * system calls only those of the one that calls. While the calls run this thread has the user's effective ids and
 * groups (not only those for files: a server may ask who its client is) and none of root's capabilities. The real and the
 * saved ids stay root's, so that the user cannot send this process signals meanwhile, and the way back stays open.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { isArm64, libc } from "./libc.ts";
import { must } from "./os_error.ts";
import type { OsUser } from "./user.ts";

const SYS = isArm64
  ? { getgroups: 158n, setgroups: 159n, setresuid: 147n, setresgid: 149n }
  : { getgroups: 115n, setgroups: 116n, setresuid: 117n, setresgid: 119n };
const UNCHANGED = -1n;

interface Credentials {
  uid: number;
  gid: number;
  groups: Uint32Array<ArrayBuffer>;
}

/**
 * Runs `action` with the rights of `user`. It must be done when it returns: a promise would go on with this process's
 * own. Whoever cannot become that user gets AppError `access_denied`; nothing has run then.
 */
export function asUser<T>(user: OsUser, action: () => T): T {
  const c = libc();
  const own: Credentials = { uid: c.geteuid(), gid: c.getegid(), groups: ownGroups() };
  if (own.uid === user.uid) return action();
  if (own.uid !== 0) {
    throw new AppError(
      "access_denied",
      `cannot act as user "${user.name}": this node runs as uid ${own.uid}; run it as root to serve other users`,
    );
  }
  try {
    // The user comes last: with it goes the right to change groups.
    const what = `act as user "${user.name}"`;
    must(setGroups(new Uint32Array(user.groups)), what);
    must(setGroup(user.gid), what);
    must(setUser(user.uid), what);
    if (c.geteuid() !== user.uid || c.getegid() !== user.gid) {
      throw new AppError("access_denied", `cannot ${what}: the system keeps another one`);
    }
    return action();
  } finally {
    setUser(own.uid);
    setGroup(own.gid);
    setGroups(own.groups);
    comeBack(own);
  }
}

/** A thread that is stuck as somebody else must not go on: as a Worker it ends, and its supervisor starts another. */
function comeBack(own: Credentials): void {
  const c = libc();
  const groups = ownGroups();
  const same = groups.length === own.groups.length && groups.every((id, index) => id === own.groups[index]);
  if (c.geteuid() === own.uid && c.getegid() === own.gid && same) return;
  console.error("teleport: this thread could not come back from acting as a user, and ends");
  Deno.exit(1);
}

function ownGroups(): Uint32Array<ArrayBuffer> {
  const count = must(Number(libc().syscall_on_buffer(SYS.getgroups, 0n, null)), "count the groups");
  const groups = new Uint32Array(count);
  must(Number(libc().syscall_on_buffer(SYS.getgroups, BigInt(count), groups)), "list the groups");
  return groups;
}

function setGroups(groups: Uint32Array<ArrayBuffer>): number {
  return Number(libc().syscall_on_buffer(SYS.setgroups, BigInt(groups.length), groups));
}

function setGroup(gid: number): number {
  return Number(libc().syscall_of_three(SYS.setresgid, UNCHANGED, BigInt(gid), UNCHANGED));
}

function setUser(uid: number): number {
  return Number(libc().syscall_of_three(SYS.setresuid, UNCHANGED, BigInt(uid), UNCHANGED));
}
