/**
 * Accounts of the operating system, looked up through the name service switch (files, LDAP, SSSD and so on).
 * @module
 */
import { block, cString, textAtAddressIn } from "./c_memory.ts";
import { EINTR, libc } from "./libc.ts";
import { osError } from "./os_error.ts";

/** An account of the operating system. */
export interface OsUser {
  name: string;
  uid: number;
  gid: number;
  /** All group ids, the primary one included. */
  groups: number[];
  home: string;
  /** Absolute path of the login shell; never empty. */
  shell: string;
}

const ERANGE = 34;
// EIO, ENOMEM, ENFILE, EMFILE: the question could not be answered. Every other errno means "not found", see getpwnam(3).
const NO_ANSWER = new Set([5, 12, 23, 24]);
const MAX_RECORD = 1 << 20;
const MAX_NAME = 256;
const MAX_GROUPS = 65536;
// Fields of `struct passwd` on 64-bit Linux: name 0, uid 16, gid 20, home 32, shell 40.
const PASSWD_SIZE = 48;
// Fields of `struct group`: gid 16.
const GROUP_SIZE = 32;

/**
 * The account called `name`, or undefined when there is none or the name could not be one. Blocks the thread as long as
 * the name service takes. Throws AppError when the name service fails.
 */
export function lookupUser(name: string): OsUser | undefined {
  if (!isPossibleName(name)) return undefined;
  const wanted = cString(name);
  return ask(
    PASSWD_SIZE,
    `look up user "${name}"`,
    (record, text, found) => libc().getpwnam_r(wanted, record, text, BigInt(text.length), found),
    toUser,
  );
}

/** The account with this number, or undefined when there is none. Otherwise as {@link lookupUser}. */
export function lookupUserId(uid: number): OsUser | undefined {
  return ask(
    PASSWD_SIZE,
    `look up user ${uid}`,
    (record, text, found) => libc().getpwuid_r(uid, record, text, BigInt(text.length), found),
    toUser,
  );
}

/** The account this process runs as; one without an entry gets its number as name, `/` as home and `/bin/sh`. */
export function currentUser(): OsUser {
  const uid = libc().geteuid();
  const known = lookupUserId(uid);
  if (known !== undefined) return known;
  const gid = libc().getegid();
  return { name: String(uid), uid, gid, groups: [gid], home: "/", shell: "/bin/sh" };
}

/** The id of the group called `name`, or undefined when there is none. */
export function lookupGroupId(name: string): number | undefined {
  if (!isPossibleName(name)) return undefined;
  const wanted = cString(name);
  return ask(
    GROUP_SIZE,
    `look up group "${name}"`,
    (record, text, found) => libc().getgrnam_r(wanted, record, text, BigInt(text.length), found),
    (record) => new DataView(record.buffer).getUint32(16, true),
  );
}

/** The name of a user, or undefined when the number has none. */
export function lookupUserName(uid: number): string | undefined {
  return ask(
    PASSWD_SIZE,
    `look up user ${uid}`,
    (record, text, found) => libc().getpwuid_r(uid, record, text, BigInt(text.length), found),
    (record) => textAtAddressIn(record, 0),
  );
}

/** The name of a group, or undefined when the number has none. */
export function lookupGroupName(gid: number): string | undefined {
  return ask(
    GROUP_SIZE,
    `look up group ${gid}`,
    (record, text, found) => libc().getgrgid_r(gid, record, text, BigInt(text.length), found),
    (record) => textAtAddressIn(record, 0),
  );
}

function isPossibleName(name: string): boolean {
  // deno-lint-ignore no-control-regex
  return name !== "" && name.length <= MAX_NAME && !/[\x00-\x20\x7f:/,]/.test(name) && name.isWellFormed();
}

type Block = Uint8Array<ArrayBuffer>;

/** Calls one of the `get..._r` functions with a text buffer that grows until the record fits. */
function ask<T>(
  recordSize: number,
  action: string,
  call: (record: Block, text: Block, found: Block) => number,
  read: (record: Block) => T,
): T | undefined {
  for (let size = 4096; size <= MAX_RECORD;) {
    const record = block(recordSize), text = block(size), found = block(8);
    const errno = call(record, text, found);
    if (errno === EINTR) continue;
    if (errno === ERANGE) {
      size *= 4;
      continue;
    }
    if (NO_ANSWER.has(errno)) throw osError(action, errno);
    if (errno !== 0 || found.every((byte) => byte === 0)) return undefined;
    const answer = read(record);
    text.fill(0); // the record points into `text`: this use keeps it alive, and wipes a password hash
    return answer;
  }
  throw osError(action, ERANGE);
}

function toUser(record: Block): OsUser {
  const view = new DataView(record.buffer);
  const name = textAtAddressIn(record, 0);
  const gid = view.getUint32(20, true);
  return {
    name,
    uid: view.getUint32(16, true),
    gid,
    groups: groupsOf(name, gid),
    home: textAtAddressIn(record, 32) || "/",
    shell: textAtAddressIn(record, 40) || "/bin/sh",
  };
}

function groupsOf(name: string, gid: number): number[] {
  const user = cString(name);
  for (let room = 64; room <= MAX_GROUPS; room *= 4) {
    const groups = new Uint32Array(new ArrayBuffer(room * 4));
    const count = new Int32Array([room]);
    if (libc().getgrouplist(user, gid, groups, count) >= 0) return [...groups.subarray(0, count[0])];
  }
  throw osError(`list the groups of user "${name}"`, ERANGE);
}
