/**
 * Becoming the user of a session for good, before the first byte of the client is read. Once this has returned, nothing
 * in this process can act with another user's rights again: not by a later call, not by a program it might start, and no
 * other process of that user can look into it.
 * @module
 */
import { AppError } from "../../../base/errors.ts";
import { block } from "../../os/c_memory.ts";
import { lazyLibrary } from "../../os/lazy_library.ts";
import { libc } from "../../os/libc.ts";
import { must } from "../../os/os_error.ts";

/** Who to become. */
export interface Credentials {
  uid: number;
  gid: number;
  groups: readonly number[];
}

// The C library's own functions change every thread of the process; the bare system calls would change one.
const c = lazyLibrary("libc.so.6", {
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  getresgid: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  getresuid: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
}, { atOnce: [], advice: "file transfers need glibc 2.34 or newer" });

const PR_SET_DUMPABLE = 4, PR_SET_NO_NEW_PRIVS = 38;
const CAPABILITY_VERSION_3 = 0x20080522;
const UNCHANGED = 0xffff_ffff;
const MAX_GROUPS = 65_536;

/**
 * Becomes `user`, or stays who it is when there is none, and makes sure of it. Throws AppError when anything is not as it
 * must be; the process then has to end.
 */
export function becomeForGood(user: Credentials | undefined): void {
  if (user !== undefined) {
    if (libc().geteuid() === 0) become(user);
    check(user);
  }
  must(c.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), "give up new privileges");
  // Not to be traced, and its files in /proc not to be read, by other programs of the same user: what it reports counts.
  must(c.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n), "become untraceable");
}

function become({ uid, gid, groups }: Credentials): void {
  must(c.setgroups(BigInt(groups.length), numbers(groups)), "take the user's groups");
  must(c.setresgid(gid, gid, gid), "take the user's group");
  must(c.setresuid(uid, uid, uid), "become the user");
}

function check({ uid, gid, groups }: Credentials): void {
  const has = [...three(c.getresuid), ...three(c.getresgid)];
  if (has.some((id, index) => id !== (index < 3 ? uid : gid))) {
    throw new AppError("access_denied", `this process should be user ${uid}:${gid} and is ${has.join(",")}`);
  }
  if (uid === 0) return;
  const held = new Set(currentGroups());
  if (held.size !== new Set(groups).size || groups.some((group) => !held.has(group))) {
    throw new AppError("access_denied", "this process does not have exactly the groups of its user");
  }
  if (holdsCapabilities()) throw new AppError("access_denied", "this process still has capabilities");
  const regained = [
    c.setresuid(UNCHANGED, 0, UNCHANGED),
    c.setresuid(0, 0, 0),
    gid === 0 || groups.includes(0) ? -1 : c.setresgid(UNCHANGED, 0, UNCHANGED),
  ];
  if (regained.some((result) => result === 0)) throw new AppError("access_denied", "root could be regained");
}

function numbers(ids: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = block(ids.length * 4);
  const view = new DataView(bytes.buffer);
  ids.forEach((id, index) => view.setUint32(index * 4, id, true));
  return bytes;
}

type Block = Uint8Array<ArrayBuffer>;

/** The real, effective and saved id. */
function three(get: (real: Block, effective: Block, saved: Block) => number): number[] {
  const ids = [block(4), block(4), block(4)] as const;
  must(get(...ids), "tell who this process is");
  return ids.map((id) => new DataView(id.buffer).getUint32(0, true));
}

function currentGroups(): number[] {
  const list = block(MAX_GROUPS * 4);
  const count = must(c.getgroups(MAX_GROUPS, list), "tell the groups of this process");
  const view = new DataView(list.buffer);
  return Array.from({ length: count }, (_, index) => view.getUint32(index * 4, true));
}

/** Whether anything is effective or permitted (capget(2)): both are to be empty for a user who is not root. */
function holdsCapabilities(): boolean {
  const header = block(8);
  new DataView(header.buffer).setUint32(0, CAPABILITY_VERSION_3, true);
  const data = block(24); // twice: effective, permitted, inheritable
  must(c.capget(header, data), "tell the capabilities of this process");
  const view = new DataView(data.buffer);
  return [0, 4, 12, 16].some((at) => view.getUint32(at, true) !== 0);
}
