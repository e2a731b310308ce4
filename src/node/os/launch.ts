/**
 * Starts the programs of sessions: on a pseudo terminal, or with three pipes.
 * @module
 */
import type { Duplex, Readable, Writable } from "node:stream";
import { cString } from "./c_memory.ts";
import { type Child, ChildProcess } from "./child_process.ts";
import { FdStream } from "./fd_stream.ts";
import { libc, O_CLOEXEC, O_RDWR } from "./libc.ts";
import { must } from "./os_error.ts";
import { openPipe } from "./pipe.ts";
import { giveTerminal, openPty, setSize, type TerminalSize } from "./pty.ts";
import {
  memoryFile,
  type OwnProgram,
  spawn,
  type SpawnOptions,
  spawnOwn,
  type StandardFiles,
} from "./spawn.ts";
import { TerminalStream } from "./terminal_stream.ts";
import { applyModes, echoIsOff } from "./termios.ts";

export type { Child, ExitStatus } from "./child_process.ts";
export type { OwnProgram } from "./spawn.ts";

const TCSBRK = 0x5409n;

/** What to start, as whom and where. */
export interface LaunchOptions extends SpawnOptions {
  /** Starts the program by way of another one of ours, which prepares its session. */
  inside?: SessionOpener;
}

/**
 * A program of ours that leads the session and starts the wanted program in it. Its descriptors:
 *
 * | descriptor | what |
 * |---|---|
 * | 0 | the session's terminal, or its standard input |
 * | 1, 2 | nothing |
 * | 3 | to report on |
 * | 4 | the plan, a file in memory |
 * | 5, 6 | standard output and error, where there is no terminal |
 */
export interface SessionOpener {
  program: OwnProgram;
  /** @param tty the session's terminal, if it has one */
  plan(wanted: SpawnOptions, tty: string | undefined): Uint8Array<ArrayBuffer>;
  /** Settles once the program runs. @throws {AppError} when it never will */
  opened(reports: Readable): Promise<void>;
}

/** Where a program has got to. */
export interface Opening {
  /** Settles when the program itself runs. @throws {AppError} when what was to prepare its session refuses */
  readonly opened: Promise<void>;
}

/** A terminal for {@link launchOnPty}. */
export interface TerminalOptions extends TerminalSize {
  /** The TERM of the program's environment. */
  term: string;
  /** Encoded terminal modes of RFC 4254 section 8: opcode to argument. */
  modes?: ReadonlyMap<number, number>;
}

/** A program on a terminal of its own. */
export interface PtyChild extends Child, Opening {
  /**
   * Reads output, writes input. It ends after the program's exit, although background jobs may still hold the terminal.
   * Destroying it hangs the terminal up. It emits no errors.
   */
  readonly terminal: Duplex;
  /** Path of the terminal, such as `/dev/pts/4`. */
  readonly tty: string;
  /** New size in characters and in pixels (0 when unknown). Does nothing after the end. */
  resize(cols: number, rows: number, width?: number, height?: number): void;
  /** True while the terminal does not show what is typed, as for a password. */
  echoIsOff(): boolean;
  /** The break of a serial line, as far as a pseudo terminal knows one. @returns false after the end */
  sendBreak(): boolean;
}

/**
 * A program with pipes. The streams emit no errors; the reading ones end when nobody holds the other side, and are to be
 * read to their end or destroyed.
 */
export interface PipedChild extends Child, Opening {
  /**
   * Ending it gives the program end-of-file; what is written after the program closed its side is dropped. Destroyed at
   * the program's exit.
   */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/**
 * Starts a program on a new pseudo terminal, as leader of a session whose controlling terminal it is. TERM and SSH_TTY
 * are added to the environment. Throws AppError as {@link spawn} does, and `limit` when no terminal is left; nothing
 * stays open then.
 */
export function launchOnPty(options: LaunchOptions & TerminalOptions): PtyChild {
  const pty = openPty();
  let terminal: TerminalStream | undefined;
  try {
    setSize(pty.master, options);
    if (options.modes !== undefined) applyModes(pty.slave, options.modes);
    if (libc().geteuid() === 0) giveTerminal(pty.slave, options.user);
    terminal = new TerminalStream(pty.master);
    const env = { ...options.env, TERM: options.term, SSH_TTY: pty.tty };
    return attach(start({ ...options, env }, { tty: pty.tty }), terminal, pty.tty);
  } catch (error) {
    if (terminal !== undefined) terminal.destroy();
    else libc().close(pty.master);
    throw error;
  } finally {
    libc().close(pty.slave);
  }
}

/** Starts what was asked for, by itself or inside. */
function start(options: LaunchOptions, files: StandardFiles): { child: ChildProcess } & Opening {
  const { inside, ...wanted } = options;
  if (!inside) return { child: new ChildProcess(spawn(wanted, files)), opened: Promise.resolve() };
  return withPipes((pipes) => {
    const reports = pipes.fromChild();
    const tty = "tty" in files ? files.tty : undefined;
    const plan = pipes.hold(memoryFile(inside.plan(wanted, tty)));
    // What the runtime itself has to say is for nobody: the program's own output lies elsewhere.
    const nothing = pipes.hold(
      must(libc().open(cString("/dev/null"), O_RDWR | O_CLOEXEC, 0), "open /dev/null"),
    );
    const [input, output] = "tty" in files ? [[], []] : [[files.stdin], [files.stdout, files.stderr]];
    const descriptors = [...input, nothing, nothing, reports.fd, plan, ...output];
    const pid = spawnOwn(inside.program, descriptors, "/", tty);
    return { child: new ChildProcess(pid), opened: inside.opened(reports.stream) };
  });
}

function attach(
  { child, opened }: { child: ChildProcess } & Opening,
  terminal: TerminalStream,
  tty: string,
): PtyChild {
  child.exit.then(() => terminal.endAfterDrain());
  return {
    ...controls(child),
    opened,
    terminal,
    tty,
    resize: (cols, rows, width = 0, height = 0) => {
      if (terminal.fd !== undefined) setSize(terminal.fd, { cols, rows, width, height });
    },
    echoIsOff: () => terminal.fd !== undefined && echoIsOff(terminal.fd),
    sendBreak: () => terminal.fd !== undefined && libc().ioctl(terminal.fd, TCSBRK, null) === 0,
  };
}

/** A program of ours with pipes, and one more pipe on which it reports. */
export interface OwnChild extends PipedChild {
  /** What the child writes to its descriptor 3. */
  readonly reports: Readable;
}

/**
 * Starts a program with pipes as its standard files. Throws AppError as {@link spawn} does; nothing stays open then.
 * The exit does not wait for the pipes: background processes may hold them longer.
 */
export function launchPiped(options: LaunchOptions): PipedChild {
  return withPipes((pipes) => {
    const [stdin, stdout, stderr] = [pipes.toChild(), pipes.fromChild(), pipes.fromChild()];
    const { child, opened } = start(options, { stdin: stdin.fd, stdout: stdout.fd, stderr: stderr.fd });
    return { ...started(child, stdin.stream), opened, stdout: stdout.stream, stderr: stderr.stream };
  });
}

/**
 * Starts a program of ours as the user of this process, as {@link spawnOwn} does, with pipes as its descriptors 0 to 3
 * and `plan` to read at 4.
 */
export function launchOwn(program: OwnProgram, plan: Uint8Array<ArrayBuffer>): OwnChild {
  return withPipes((pipes) => {
    const stdin = pipes.toChild();
    const [stdout, stderr, reports] = [pipes.fromChild(), pipes.fromChild(), pipes.fromChild()];
    const planFile = pipes.hold(memoryFile(plan));
    const pid = spawnOwn(program, [stdin.fd, stdout.fd, stderr.fd, reports.fd, planFile]);
    return {
      ...started(new ChildProcess(pid), stdin.stream),
      opened: Promise.resolve(),
      stdout: stdout.stream,
      stderr: stderr.stream,
      reports: reports.stream,
    };
  });
}

function started(child: ChildProcess, stdin: FdStream): Child & { stdin: Writable } {
  child.exit.then(() => stdin.destroy());
  return { ...controls(child), stdin };
}

/** The pipes of one launch. */
interface Pipes {
  /** A pipe that the child reads from: its end, and our stream. */
  toChild(): { fd: number; stream: FdStream };
  fromChild(): { fd: number; stream: FdStream };
  /** A descriptor that is to be closed once the child has it. */
  hold(fd: number): number;
}

function withPipes<T>(launch: (pipes: Pipes) => T): T {
  const held = new Set<number>(); // closed on the way out: the child's ends, and after a failure all that is left
  const streams: FdStream[] = [];
  const pipe = (direction: "read" | "write") => {
    const ends = openPipe();
    held.add(ends.read).add(ends.write);
    const [ours, fd] = direction === "read" ? [ends.read, ends.write] : [ends.write, ends.read];
    const stream = new FdStream(ours, direction);
    held.delete(ours);
    streams.push(stream);
    return { fd, stream };
  };
  try {
    return launch({
      toChild: () => pipe("write"),
      fromChild: () => pipe("read"),
      hold: (fd) => {
        held.add(fd);
        return fd;
      },
    });
  } catch (error) {
    for (const stream of streams) stream.destroy();
    throw error;
  } finally {
    for (const fd of held) libc().close(fd);
  }
}

function controls(child: ChildProcess): Child {
  return {
    pid: child.pid,
    exit: child.exit,
    signal: (name) => child.signal(name),
    killSession: () => child.killSession(),
  };
}
