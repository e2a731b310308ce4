/**
 * Programs of a few hundred bytes for x86-64 Linux, put together here and run from memory: what a child process has to do
 * before or beside the program it was made for, where a program on disk would be one more thing to install and to trust.
 *
 * Layout of a file, a static ELF executable mapped whole, read-only and executable, at 0x400000:
 *
 * | bytes | what |
 * |---|---|
 * | 0..63 | ELF header, entry at 176 |
 * | 64..119 | program header: PT_LOAD of the whole file, R+X |
 * | 120..175 | program header: PT_GNU_STACK, R+W |
 * | 176.. | code |
 * | then, 8-aligned | data |
 *
 * Encodings are those of the Intel 64 and IA-32 manual, volume 2; calls of the kernel those of the System V ABI for AMD64,
 * appendix A: number in rax, arguments in rdi, rsi, rdx; rcx and r11 are lost.
 * @module
 */
import { block } from "./c_memory.ts";

const BASE = 0x400000;
const ELF_HEADER = 64, PROGRAM_HEADER = 56;
const CODE = ELF_HEADER + 2 * PROGRAM_HEADER;

/** A program's bytes. `emit` is called twice, and has to do the same each time: places are known after the first. */
export function machineProgram(
  emit: (code: Code) => void,
  pieces: readonly Uint8Array[] = [],
): Uint8Array<ArrayBuffer> {
  const data = new DataSection(pieces);
  const draft = new Code(new Map(), 0, data);
  emit(draft);
  const dataAt = Math.ceil((CODE + draft.bytes.length) / 8) * 8;
  const code = new Code(draft.places, dataAt, data);
  emit(code);
  return link(code.bytes, dataAt, data.bytes);
}

/** The pieces of data one after another, with the offset of each. */
class DataSection {
  readonly bytes: Uint8Array;
  readonly #pieces: { at: number; length: number }[] = [];

  constructor(pieces: readonly Uint8Array[]) {
    let length = 0;
    for (const piece of pieces) {
      this.#pieces.push({ at: length, length: piece.length });
      length += piece.length;
    }
    this.bytes = new Uint8Array(length);
    pieces.forEach((piece, index) => this.bytes.set(piece, this.piece(index).at));
  }

  piece(index: number): { at: number; length: number } {
    return this.#pieces[index] ?? { at: 0, length: 0 };
  }
}

/** Machine code under construction; every instruction has a length that does not depend on its operands. */
export class Code {
  readonly bytes: number[] = [];
  /** Where in the file each mark is. */
  readonly places = new Map<string, number>();
  readonly #known: ReadonlyMap<string, number>;
  readonly #dataAt: number;
  readonly #data: DataSection;

  constructor(known: ReadonlyMap<string, number>, dataAt: number, data: DataSection) {
    this.#known = known;
    this.#dataAt = dataAt;
    this.#data = data;
  }

  /** Names this place, for jumps. */
  mark(name: string): this {
    this.places.set(name, this.#here);
    return this;
  }

  /** mov edi, value */
  setEdi(value: number): this {
    return this.put(0xbf, ...word(value));
  }

  /** mov esi, value */
  setEsi(value: number): this {
    return this.put(0xbe, ...word(value));
  }

  /** mov edx, value */
  setEdx(value: number): this {
    return this.put(0xba, ...word(value));
  }

  /** lea rdi, [rip + piece of data] */
  rdiTo(piece: number): this {
    return this.put(0x48, 0x8d, 0x3d, ...this.#distance(this.#dataAt + this.#data.piece(piece).at, 7));
  }

  /** lea rsi, [rip + piece of data] */
  rsiTo(piece: number): this {
    return this.put(0x48, 0x8d, 0x35, ...this.#distance(this.#dataAt + this.#data.piece(piece).at, 7));
  }

  /** Length of a piece of data, in bytes. */
  lengthOf(piece: number): number {
    return this.#data.piece(piece).length;
  }

  /** mov eax, number; syscall. The result is in rax: below 0 it is an error's number. */
  call(number: number): this {
    return this.put(0xb8, ...word(number), 0x0f, 0x05);
  }

  /** jmp */
  jump(to: string): this {
    return this.put(0xe9, ...this.#distance(this.#place(to), 5));
  }

  /** test rax, rax; jnz */
  jumpUnlessZero(to: string): this {
    return this.put(0x48, 0x85, 0xc0).jumpIfNotEqual(to);
  }

  /** test rax, rax; jle */
  jumpUnlessPositive(to: string): this {
    return this.put(0x48, 0x85, 0xc0, 0x0f, 0x8e, ...this.#distance(this.#place(to), 9));
  }

  /** cmp rax, value (-128..127); je */
  jumpIfResultIs(value: number, to: string): this {
    return this.put(0x48, 0x83, 0xf8, value & 0xff, 0x0f, 0x84, ...this.#distance(this.#place(to), 10));
  }

  /** jne, by what the instruction before has found */
  jumpIfNotEqual(to: string): this {
    return this.put(0x0f, 0x85, ...this.#distance(this.#place(to), 6));
  }

  /** jb, by what the instruction before has found */
  jumpIfBelow(to: string): this {
    return this.put(0x0f, 0x82, ...this.#distance(this.#place(to), 6));
  }

  /** Any other instruction. */
  put(...bytes: number[]): this {
    this.bytes.push(...bytes);
    return this;
  }

  get #here(): number {
    return CODE + this.bytes.length;
  }

  #place(name: string): number {
    return this.#known.get(name) ?? 0;
  }

  /** From the end of the instructions of `size` bytes that start here. */
  #distance(target: number, size: number): number[] {
    return word(target - (this.#here + size));
  }
}

/** A number as 32 bits, lowest first. */
export function word(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}

function link(code: readonly number[], dataAt: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const file = block(dataAt + data.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF, 64 bit, little endian, version 1
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(BASE + CODE), true);
  view.setBigUint64(32, BigInt(ELF_HEADER), true); // program headers follow
  view.setUint16(52, ELF_HEADER, true);
  view.setUint16(54, PROGRAM_HEADER, true);
  view.setUint16(56, 2, true);
  programHeader(view, ELF_HEADER, { type: 1, flags: 4 | 1, at: BASE, size: file.length, align: 0x1000 });
  const stack = ELF_HEADER + PROGRAM_HEADER;
  programHeader(view, stack, { type: 0x6474e551, flags: 4 | 2, at: 0, size: 0, align: 16 });
  file.set(code, CODE);
  file.set(data, dataAt);
  return file;
}

function programHeader(
  view: DataView,
  offset: number,
  header: { type: number; flags: number; at: number; size: number; align: number },
): void {
  view.setUint32(offset, header.type, true);
  view.setUint32(offset + 4, header.flags, true);
  view.setBigUint64(offset + 16, BigInt(header.at), true);
  view.setBigUint64(offset + 24, BigInt(header.at), true);
  view.setBigUint64(offset + 32, BigInt(header.size), true);
  view.setBigUint64(offset + 40, BigInt(header.size), true);
  view.setBigUint64(offset + 48, BigInt(header.align), true);
}
