/**
 * Terminal modes: the encoded modes of RFC 4254 section 8 applied to a terminal of the operating system.
 * @module
 */
import { block } from "./c_memory.ts";
import { libc } from "./libc.ts";
import { must } from "./os_error.ts";

// `struct termios` of glibc: c_iflag 0, c_oflag 4, c_cflag 8, c_lflag 12 (32 bits each), c_line 16, c_cc 17, 60 in all.
const SIZE = 60;
const IFLAG = 0, OFLAG = 4, LFLAG = 12, CC = 17;
const ECHO = 0o10;
const TCSANOW = 0;
const DISABLED = 255; // RFC 4254 section 8 for "no such character"; Linux writes 0

/** Opcode to index into c_cc. DSUSP (11), FLUSH (15) and STATUS (17) do not exist on Linux. */
const CHARACTERS: ReadonlyMap<number, number> = new Map([
  [1, 0], // VINTR
  [2, 1], // VQUIT
  [3, 2], // VERASE
  [4, 3], // VKILL
  [5, 4], // VEOF
  [6, 11], // VEOL
  [7, 16], // VEOL2
  [8, 8], // VSTART
  [9, 9], // VSTOP
  [10, 10], // VSUSP
  [12, 12], // VREPRINT
  [13, 14], // VWERASE
  [14, 15], // VLNEXT
  [16, 7], // VSWTCH
  [18, 13], // VDISCARD
]);

/** Opcode to flag word and bit. The c_cflag opcodes (90 to 93) and the speeds mean nothing on a pseudo terminal. */
const FLAGS: ReadonlyMap<number, readonly [word: number, bit: number]> = new Map([
  [30, [IFLAG, 0o4]], // IGNPAR
  [31, [IFLAG, 0o10]], // PARMRK
  [32, [IFLAG, 0o20]], // INPCK
  [33, [IFLAG, 0o40]], // ISTRIP
  [34, [IFLAG, 0o100]], // INLCR
  [35, [IFLAG, 0o200]], // IGNCR
  [36, [IFLAG, 0o400]], // ICRNL
  [37, [IFLAG, 0o1000]], // IUCLC
  [38, [IFLAG, 0o2000]], // IXON
  [39, [IFLAG, 0o4000]], // IXANY
  [40, [IFLAG, 0o10000]], // IXOFF
  [41, [IFLAG, 0o20000]], // IMAXBEL
  [42, [IFLAG, 0o40000]], // IUTF8, RFC 8160
  [50, [LFLAG, 0o1]], // ISIG
  [51, [LFLAG, 0o2]], // ICANON
  [52, [LFLAG, 0o4]], // XCASE
  [53, [LFLAG, ECHO]],
  [54, [LFLAG, 0o20]], // ECHOE
  [55, [LFLAG, 0o40]], // ECHOK
  [56, [LFLAG, 0o100]], // ECHONL
  [57, [LFLAG, 0o200]], // NOFLSH
  [58, [LFLAG, 0o400]], // TOSTOP
  [59, [LFLAG, 0o100000]], // IEXTEN
  [60, [LFLAG, 0o1000]], // ECHOCTL
  [61, [LFLAG, 0o4000]], // ECHOKE
  [62, [LFLAG, 0o40000]], // PENDIN
  [70, [OFLAG, 0o1]], // OPOST
  [71, [OFLAG, 0o2]], // OLCUC
  [72, [OFLAG, 0o4]], // ONLCR
  [73, [OFLAG, 0o10]], // OCRNL
  [74, [OFLAG, 0o20]], // ONOCR
  [75, [OFLAG, 0o40]], // ONLRET
]);

/**
 * Applies encoded terminal modes, opcode to argument, to the terminal `fd` (either end). Opcodes that Linux does not
 * have are ignored, as RFC 4254 asks. Throws AppError when `fd` is no terminal.
 */
export function applyModes(fd: number, modes: ReadonlyMap<number, number>): void {
  if (modes.size === 0) return;
  const termios = block(SIZE);
  must(libc().tcgetattr(fd, termios), "read the terminal modes");
  const view = new DataView(termios.buffer);
  for (const [opcode, argument] of modes) {
    const character = CHARACTERS.get(opcode);
    if (character !== undefined) view.setUint8(CC + character, argument === DISABLED ? 0 : argument & 0xff);
    const flag = FLAGS.get(opcode);
    if (flag === undefined) continue;
    const [word, bit] = flag;
    const old = view.getUint32(word, true);
    view.setUint32(word, argument === 0 ? old & ~bit : old | bit, true);
  }
  must(libc().tcsetattr(fd, TCSANOW, termios), "set the terminal modes");
}

/** True when the terminal `fd` does not show what is typed, as while a password is asked; false for no terminal. */
export function echoIsOff(fd: number): boolean {
  const termios = block(SIZE);
  if (libc().tcgetattr(fd, termios) !== 0) return false;
  return (new DataView(termios.buffer).getUint32(LFLAG, true) & ECHO) === 0;
}
