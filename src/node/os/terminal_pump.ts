/**
 * A process of a few pages of memory that moves a busy terminal's output into a pipe. The kernel gives a terminal's
 * output 4 KiB at a time, with a sleep between two of them: that costs this process, which has to learn of each through
 * another thread, several times what it costs a program that does nothing else.
 *
 * Its descriptors: 0 the terminal, 1 the pipe, 2 a pipe whose closing ends it. What it does:
 *
 *     loop: poll(0 and 2); if 2 has anything: exit
 *           read(0) until it has no more or the buffer is full     nothing at all, by an error or the end: exit
 *           write(1) until all is written                          error: exit
 *
 * It holds nothing back: whatever it has read is in the pipe before it waits, or looks again whether it is to end.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { cString } from "./c_memory.ts";
import { ChildProcess } from "./child_process.ts";
import { EAGAIN, libc } from "./libc.ts";
import { type Code, machineProgram, word } from "./machine_code.ts";
import { openPipe } from "./pipe.ts";
import { spawnFromMemory } from "./spawn.ts";

/** What shows in the list of processes. */
const NAME = "teleport-pty";
const SYS = { read: 0, write: 1, poll: 7, prctl: 157, exit_group: 231 };
const PR_SET_NAME = 15;
const POLLIN = 1;
const STOP_FD = 2;
/** Larger pieces cost everybody behind it less. */
const BUFFER = 192 * 1024;
/** The most the kernel gives at once. */
const PAGE = 4096;

/** A running pump. */
export interface TerminalPump {
  /** Where the output comes out, nonblocking: at its end nothing is left in the pump. The holder of the pump closes it. */
  readonly output: number;
  /** Ends the pump; what it has read still comes out. */
  stop(): void;
}

/**
 * Starts to move what comes out of a terminal, by its master.
 * @returns undefined where there is no pump: on another processor, or where nothing may be run from memory
 */
export function startPump(master: number): TerminalPump | undefined {
  if (Deno.build.arch !== "x86_64") return undefined;
  const c = libc();
  const held: number[] = [];
  try {
    const output = openPipe(), stopping = openPipe();
    held.push(output.write, stopping.read);
    let running = true;
    const stop = () => {
      if (running) c.close(stopping.write);
      running = false;
    };
    try {
      const pid = spawnFromMemory(program(), NAME, [master, output.write, stopping.read]);
      new ChildProcess(pid); // waits for its end
    } catch (error) {
      stop();
      c.close(output.read);
      throw error;
    }
    return { output: output.read, stop };
  } catch (error) {
    // It only makes things faster.
    if (error instanceof AppError) return undefined;
    throw error;
  } finally {
    for (const fd of held) c.close(fd);
  }
}

let made: Uint8Array<ArrayBuffer> | undefined;

function program(): Uint8Array<ArrayBuffer> {
  return made ??= machineProgram(emit, [cString(NAME)]);
}

function emit(code: Code): void {
  code.setEdi(PR_SET_NAME).rsiTo(0).call(SYS.prctl);
  code.put(0x48, 0x81, 0xec, ...word(BUFFER)); // sub rsp, BUFFER
  pushPolled(code, STOP_FD);
  pushPolled(code, 0); // the first of the two now lies at rsp, the buffer at rsp + 16
  code.mark("loop");
  code.put(0x48, 0x89, 0xe7).setEsi(2).setEdx(-1).call(SYS.poll); // mov rdi, rsp
  code.put(0x66, 0x83, 0x7c, 0x24, 14, 0).jumpIfNotEqual("end"); // cmp word [rsp + 14], 0: what holds for STOP_FD
  code.put(0x31, 0xdb); // xor ebx, ebx
  code.mark("read");
  code.setEdi(0).put(0x48, 0x8d, 0x74, 0x1c, 16); // lea rsi, [rsp + rbx + 16]
  code.setEdx(BUFFER).put(0x48, 0x29, 0xda).call(SYS.read); // sub rdx, rbx
  code.jumpUnlessPositive("flush");
  code.put(0x48, 0x01, 0xc3); // add rbx, rax
  code.put(0x48, 0x81, 0xfb, ...word(BUFFER - PAGE)).jumpIfBelow("read"); // cmp rbx, ...
  code.mark("flush");
  code.put(0x48, 0x85, 0xdb).jumpIfNotEqual("some"); // test rbx, rbx
  code.jumpIfResultIs(-EAGAIN, "loop").jump("end");
  code.mark("some");
  code.put(0x48, 0x8d, 0x74, 0x24, 16, 0x48, 0x89, 0xda); // lea rsi, [rsp + 16]; mov rdx, rbx
  code.mark("write");
  code.setEdi(1).call(SYS.write).jumpUnlessPositive("end");
  code.put(0x48, 0x01, 0xc6, 0x48, 0x29, 0xc2).jumpIfNotEqual("write"); // add rsi, rax; sub rdx, rax
  code.jump("loop");
  code.mark("end");
  code.setEdi(0).call(SYS.exit_group);
}

/** Pushes a `struct pollfd`: descriptor, events (16 bits), what holds of them (16 bits). */
function pushPolled(code: Code, fd: number): void {
  code.put(0x48, 0xb8, ...word(fd), ...word(POLLIN), 0x50); // mov rax, ...; push rax
}
