/**
 * Pseudo terminals of the operating system.
 * @module
 */
import { block, cString, textUntilNul } from "./c_memory.ts";
import { libc, O_CLOEXEC, O_NOCTTY, O_RDWR } from "./libc.ts";
import { must, osError } from "./os_error.ts";
import { lookupGroupId, type OsUser } from "./user.ts";

export { applyModes, echoIsOff } from "./termios.ts";

/** Both ends of a pseudo terminal. The holder closes the descriptors. */
export interface Pty {
  /** What the terminal's user sees and types on. */
  readonly master: number;
  /** What programs run on; open, so that settings are not lost before the first program starts. */
  readonly slave: number;
  /** Path of the slave, such as `/dev/pts/4`. */
  readonly tty: string;
}

/** The size of a terminal in characters and, 0 when unknown, in pixels. */
export interface TerminalSize {
  cols: number;
  rows: number;
  width?: number;
  height?: number;
}

const TIOCSWINSZ = 0x5414n;
const GROUP_TTY = 5; // on every common distribution, should the name service not know the group
const MODE_TTY = 0o620;

/** Opens a pseudo terminal. Throws AppError: `limit` when the system has none left. */
export function openPty(): Pty {
  const c = libc();
  const master = must(c.posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "open a pseudo terminal");
  try {
    must(c.grantpt(master), "grant a pseudo terminal");
    must(c.unlockpt(master), "unlock a pseudo terminal");
    const name = block(64);
    const errno = c.ptsname_r(master, name, BigInt(name.length));
    if (errno !== 0) throw osError("name a pseudo terminal", errno);
    const tty = textUntilNul(name);
    const slave = must(c.open(cString(tty), O_RDWR | O_NOCTTY | O_CLOEXEC, 0), `open ${tty}`);
    return { master, slave, tty };
  } catch (error) {
    c.close(master);
    throw error;
  }
}

/** Tells the terminal its size; its programs get SIGWINCH. Numbers out of range are clamped to 0..65535. */
export function setSize(fd: number, size: TerminalSize): void {
  const fields = [size.rows, size.cols, size.width ?? 0, size.height ?? 0];
  const winsize = new Uint16Array(
    fields.map((value) => Math.min(Math.max(Math.trunc(value) || 0, 0), 0xffff)),
  );
  must(libc().ioctl(fd, TIOCSWINSZ, winsize), "set the size of a terminal");
}

/** Gives the slave to its user: owner `user`, group tty, mode 0620, so that write(1) works and reading does not. */
export function giveTerminal(slave: number, user: OsUser): void {
  const group = lookupGroupId("tty") ?? GROUP_TTY;
  must(libc().fchown(slave, user.uid, group), `give the terminal to user "${user.name}"`);
  must(libc().fchmod(slave, MODE_TTY), "set the mode of the terminal");
}
