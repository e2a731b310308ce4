/**
 * The system's own lists of logins: utmp (who is here, for `who`) and wtmp (who was here, for `last`).
 * @module
 */
import { block, cString } from "./c_memory.ts";
import { isArm64, libc } from "./libc.ts";

/** One login on a terminal. */
export interface Login {
  /** Path of the terminal, such as `/dev/pts/4`. */
  tty: string;
  /** The session's leader. */
  pid: number;
  user: string;
  /** Where the user came from: an address, or a name. Empty when unknown. */
  host: string;
}

/** The files to write; the system's own when absent. */
export interface LoginFiles {
  utmp?: string;
  wtmp?: string;
}

/** Which of the two lists took the record. */
export interface LoginRecorded {
  utmp: boolean;
  wtmp: boolean;
}

const UTMP = "/var/run/utmp", WTMP = "/var/log/wtmp";
const USER_PROCESS = 7, DEAD_PROCESS = 8;
const W_OK = 2;
// `struct utmp`: type 0 (16 bits), pid 4, line 8 (32), id 40 (4), user 44 (32), host 76 (256), exit 332, session 336,
// then seconds and microseconds, address (16), 20 unused. On x86_64 session and times have 32 bits, on aarch64 64.
const LAYOUT = isArm64
  ? { size: 400, seconds: 344, microseconds: 352, address: 360 }
  : { size: 384, seconds: 340, microseconds: 344, address: 348 };
const encoder = new TextEncoder();

/**
 * Notes the start of a login at `at` (milliseconds since 1970). Needs root, as a rule. Never throws for a list that
 * is missing or refuses: containers have none.
 */
export function recordLogin(login: Login, at: number, files: LoginFiles = {}): LoginRecorded {
  return store(loginRecord(login, at), files);
}

/** Notes the end of a login. Otherwise as {@link recordLogin}. */
export function recordLogout(login: Login, at: number, files: LoginFiles = {}): LoginRecorded {
  return store(loginRecord(login, at, true), files);
}

/** The record of a login's start, or of its end, which names no user any more. */
export function loginRecord(login: Login, at: number, ended = false): Uint8Array<ArrayBuffer> {
  const record = block(LAYOUT.size);
  const view = new DataView(record.buffer);
  const line = login.tty.replace(/^\/dev\//, "");
  view.setInt16(0, ended ? DEAD_PROCESS : USER_PROCESS, true);
  view.setInt32(4, login.pid, true);
  setText(record, 8, 32, line);
  setText(record, 40, 4, line.replace(/^pts\//, "/").slice(-4)); // identifies the line within utmp
  if (!ended) {
    setText(record, 44, 32, login.user);
    setText(record, 76, 256, login.host);
    record.set(ipv4(login.host), LAYOUT.address);
  }
  view.setUint32(LAYOUT.seconds, Math.floor(at / 1000), true);
  view.setUint32(LAYOUT.microseconds, (at % 1000) * 1000, true);
  return record;
}

function store(record: Uint8Array<ArrayBuffer>, files: LoginFiles): LoginRecorded {
  const c = libc();
  const wtmp = cString(files.wtmp ?? WTMP);
  // The library keeps the file's name for the whole process, so it is set before each use.
  const utmp = cString(files.utmp ?? UTMP);
  const named = c.access(utmp, W_OK) === 0 && c.utmpname(utmp) === 0;
  let stored = false;
  if (named) {
    c.setutent();
    stored = c.pututline(record) !== null;
    c.endutent();
  }
  const appendable = c.access(wtmp, W_OK) === 0;
  if (appendable) c.updwtmp(wtmp, record);
  return { utmp: stored, wtmp: appendable };
}

function setText(record: Uint8Array, at: number, room: number, text: string): void {
  encoder.encodeInto(text, record.subarray(at, at + room));
}

function ipv4(host: string): number[] {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host)?.slice(1).map(Number) ?? [];
  return parts.every((part) => part <= 255) ? parts : [];
}
