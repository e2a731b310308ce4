/**
 * Terminal modes of a pty-req (RFC 4254 section 8): opcodes 1 to 159 carry one uint32 each, 0 ends the list.
 * @module
 */
import { AppError, isAppError } from "../base/errors.ts";
import { WireReader, WireWriter } from "./wire.ts";

const END = 0;
/** Opcodes from here on have arguments of an unknown form: reading stops there. */
const FIRST_UNDEFINED = 160;

/** Modes by opcode. @throws {AppError} bad_input */
export function parseModes(encoded: Uint8Array): Map<number, number> {
  const reader = new WireReader(encoded);
  const modes = new Map<number, number>();
  try {
    while (reader.remaining > 0) {
      const opcode = reader.byte();
      if (opcode === END || opcode >= FIRST_UNDEFINED) break;
      modes.set(opcode, reader.uint32());
    }
  } catch (error) {
    if (!isAppError(error, "bad_input")) throw error;
    throw new AppError("bad_input", "the terminal modes end in the middle of an argument");
  }
  return modes;
}

export function encodeModes(modes: ReadonlyMap<number, number>): Uint8Array {
  const writer = new WireWriter();
  for (const [opcode, value] of modes) writer.byte(opcode).uint32(value);
  return writer.byte(END).bytes();
}
