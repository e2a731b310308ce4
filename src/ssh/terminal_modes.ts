/**
 * Terminal modes of a pty-req (RFC 4254 section 8): opcodes 1 to 159 carry one uint32 each, 0 ends the list.
 * @module
 */

/** ssh2 hands modes over by name; RFC 4254 numbers them. */
const OPCODES: Readonly<Record<string, number>> = {
  VINTR: 1,
  VQUIT: 2,
  VERASE: 3,
  VKILL: 4,
  VEOF: 5,
  VEOL: 6,
  VEOL2: 7,
  VSTART: 8,
  VSTOP: 9,
  VSUSP: 10,
  VDSUSP: 11,
  VREPRINT: 12,
  VWERASE: 13,
  VLNEXT: 14,
  VFLUSH: 15,
  VSWTCH: 16,
  VSTATUS: 17,
  VDISCARD: 18,
  IGNPAR: 30,
  PARMRK: 31,
  INPCK: 32,
  ISTRIP: 33,
  INLCR: 34,
  IGNCR: 35,
  ICRNL: 36,
  IUCLC: 37,
  IXON: 38,
  IXANY: 39,
  IXOFF: 40,
  IMAXBEL: 41,
  IUTF8: 42,
  ISIG: 50,
  ICANON: 51,
  XCASE: 52,
  ECHO: 53,
  ECHOE: 54,
  ECHOK: 55,
  ECHONL: 56,
  NOFLSH: 57,
  TOSTOP: 58,
  IEXTEN: 59,
  ECHOCTL: 60,
  ECHOKE: 61,
  PENDIN: 62,
  OPOST: 70,
  OLCUC: 71,
  ONLCR: 72,
  OCRNL: 73,
  ONOCR: 74,
  ONLRET: 75,
  CS7: 90,
  CS8: 91,
  PARENB: 92,
  PARODD: 93,
  TTY_OP_ISPEED: 128,
  TTY_OP_OSPEED: 129,
};

/** Modes by opcode, out of a map of names; unknown names are left out. */
export function parseModes(modes: unknown): Map<number, number> {
  const result = new Map<number, number>();
  if (typeof modes !== "object" || modes === null) return result;
  for (const [name, value] of Object.entries(modes)) {
    const opcode = Object.hasOwn(OPCODES, name) ? OPCODES[name] : undefined;
    if (opcode !== undefined && typeof value === "number") result.set(opcode, value);
  }
  return result;
}

/** Modes by name, as ssh2's client wants them. */
export function modeNames(modes: ReadonlyMap<number, number>): Record<string, number> {
  const names = Object.entries(OPCODES).map(([name, opcode]) => [name, modes.get(opcode)] as const);
  return Object.fromEntries(names.filter((entry): entry is [string, number] => entry[1] !== undefined));
}
