/**
 * A program of a few hundred bytes that becomes another user and then the wanted program. It is made anew for each
 * launch and run from memory, so all change of privilege happens in the child: no thread of this process ever runs with
 * a user's credentials, and no helper program stays behind as parent.
 *
 * Layout of the file, a static x86-64 ELF executable mapped whole, read-only and executable, at 0x400000:
 *
 * | bytes | what |
 * |---|---|
 * | 0..63 | ELF header, entry at 176 |
 * | 64..119 | program header: PT_LOAD of the whole file, R+X |
 * | 120..175 | program header: PT_GNU_STACK, R+W |
 * | 176.. | code |
 * | then, 8-aligned | group ids (32 bits each), program path, working directory, `/`, two messages, all ending in NUL |
 *
 * The code, with each address relative to the instruction pointer:
 *
 *     umask(022)
 *     setgroups(n, groups); setresgid(gid x 3); setresuid(uid x 3)     any failure: message, exit 126
 *     prctl(PR_SET_PDEATHSIG, SIGHUP)                                  hung up on when the thread that started it ends
 *     chdir("/"); chdir(directory)                                      failures ignored
 *     close(3)                                                         this file itself
 *     execve(path, argv, envp)     both as this program got them       failure: message, exit 127
 * @module
 */
import { block, cString } from "./c_memory.ts";

/** The descriptor the stub must be started on (`/proc/self/fd/3`); it closes it. */
export const STUB_FD = 3;

/** What the stub does. */
export interface StubPlan {
  /** The user to become; undefined stays who it is. */
  credentials?: { uid: number; gid: number; groups: readonly number[] };
  /** Absolute path of the program. */
  path: string;
  /** Where the program starts, if it can be entered. */
  cwd: string;
}

const BASE = 0x400000;
const ELF_HEADER = 64, PROGRAM_HEADER = 56;
const CODE = ELF_HEADER + 2 * PROGRAM_HEADER;
const SYS = {
  write: 1,
  close: 3,
  execve: 59,
  chdir: 80,
  umask: 95,
  setgroups: 116,
  setresuid: 117,
  setresgid: 119,
  prctl: 157,
  exit_group: 231,
};
/** SIGHUP, which is what comes after it, has the same number. */
const PR_SET_PDEATHSIG = 1;
const CANNOT_CHANGE = 126, CANNOT_RUN = 127;

/** The stub's bytes. Neither `path` nor `cwd` may hold a NUL. */
export function execStub(plan: StubPlan): Uint8Array<ArrayBuffer> {
  const groups = new Uint8Array(new Uint32Array(plan.credentials?.groups ?? []).buffer);
  const data = new DataSection([
    groups,
    cString(plan.path),
    cString(plan.cwd),
    cString("/"),
    cString("cannot become the user of this session\r\n"),
    cString(`${printable(plan.path)}: cannot be run\r\n`),
  ]);
  // Labels are known after the first pass; every instruction has a fixed length, so the second pass agrees with them.
  let labels: Labels = { data: 0, fail: 0 };
  for (let pass = 0; pass < 2; pass++) {
    const code = new Code(labels, data);
    emit(code, plan);
    labels = { data: Math.ceil((CODE + code.bytes.length) / 8) * 8, fail: code.fail };
    if (pass === 1) return link(code.bytes, labels.data, data.bytes);
  }
  throw new Error("unreachable");
}

const GROUPS = 0, PATH = 1, DIRECTORY = 2, ROOT = 3, CHANGE_MESSAGE = 4, RUN_MESSAGE = 5;

function emit(code: Code, plan: StubPlan): void {
  code.setEdi(0o22).call(SYS.umask);
  const user = plan.credentials;
  if (user !== undefined) {
    code.setEdi(user.groups.length).rsiTo(GROUPS).call(SYS.setgroups).failUnlessZero();
    code.setEdi(user.gid).copyEdiToEsiEdx().call(SYS.setresgid).failUnlessZero();
    code.setEdi(user.uid).copyEdiToEsiEdx().call(SYS.setresuid).failUnlessZero();
  }
  // After the user has changed: that would take it away again.
  code.setEdi(PR_SET_PDEATHSIG).copyEdiToEsiEdx().call(SYS.prctl);
  code.rdiTo(ROOT).call(SYS.chdir);
  code.rdiTo(DIRECTORY).call(SYS.chdir);
  code.setEdi(STUB_FD).call(SYS.close);
  code.rdiTo(PATH).argvAndEnvp().call(SYS.execve);
  code.say(RUN_MESSAGE).setEdi(CANNOT_RUN).call(SYS.exit_group);
  code.fail = code.here;
  code.say(CHANGE_MESSAGE).setEdi(CANNOT_CHANGE).call(SYS.exit_group);
}

interface Labels {
  data: number;
  fail: number;
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

/** Machine code under construction. Offsets are those in the file. */
class Code {
  readonly bytes: number[] = [];
  fail = 0;
  readonly #labels: Labels;
  readonly #data: DataSection;

  constructor(labels: Labels, data: DataSection) {
    this.#labels = labels;
    this.#data = data;
  }

  get here(): number {
    return CODE + this.bytes.length;
  }

  /** mov edi, value */
  setEdi(value: number): this {
    return this.#put(0xbf, ...word(value));
  }

  /** mov esi, edi; mov edx, edi */
  copyEdiToEsiEdx(): this {
    return this.#put(0x89, 0xfe, 0x89, 0xfa);
  }

  /** lea rdi, [rip + piece] */
  rdiTo(piece: number): this {
    return this.#put(0x48, 0x8d, 0x3d, ...this.#distance(this.#labels.data + this.#data.piece(piece).at, 7));
  }

  /** lea rsi, [rip + piece] */
  rsiTo(piece: number): this {
    return this.#put(0x48, 0x8d, 0x35, ...this.#distance(this.#labels.data + this.#data.piece(piece).at, 7));
  }

  /** lea rsi, [rsp+8]; mov rcx, [rsp]; lea rdx, [rsp+rcx*8+16]: the stack starts with argc, argv, NULL, envp */
  argvAndEnvp(): this {
    this.#put(0x48, 0x8d, 0x74, 0x24, 0x08);
    this.#put(0x48, 0x8b, 0x0c, 0x24);
    return this.#put(0x48, 0x8d, 0x54, 0xcc, 0x10);
  }

  /** mov eax, number; syscall */
  call(number: number): this {
    return this.#put(0xb8, ...word(number), 0x0f, 0x05);
  }

  /** test rax, rax; jnz fail */
  failUnlessZero(): this {
    this.#put(0x48, 0x85, 0xc0);
    return this.#put(0x0f, 0x85, ...this.#distance(this.#labels.fail, 6));
  }

  /** write(2, piece, its length without the NUL); mov edx, length comes last before the call */
  say(piece: number): this {
    this.setEdi(2).rsiTo(piece);
    return this.#put(0xba, ...word(this.#data.piece(piece).length - 1)).call(SYS.write);
  }

  #put(...bytes: number[]): this {
    this.bytes.push(...bytes);
    return this;
  }

  /** From the end of the instruction of `size` bytes that starts here. */
  #distance(target: number, size: number): number[] {
    return word(target - (this.here + size));
  }
}

function word(value: number): number[] {
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
  programHeader(view, ELF_HEADER + PROGRAM_HEADER, {
    type: 0x6474e551,
    flags: 4 | 2,
    at: 0,
    size: 0,
    align: 16,
  });
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

function printable(path: string): string {
  return path.replace(/[^\x20-\x7e]/g, "?");
}
