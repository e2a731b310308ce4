/**
 * A started process: its end, seen through a pidfd, and signals to it and to all of its session.
 * @module
 */
import { block } from "./c_memory.ts";
import { libc } from "./libc.ts";
import { must } from "./os_error.ts";
import { READABLE, watch } from "./reactor.ts";
import { SessionProcesses } from "./session_processes.ts";
import { signalName, signalNumber } from "./signals.ts";

/** How a process ended: with a code, or by a signal. */
export interface ExitStatus {
  /** 0 to 255. */
  code?: number;
  /** Such as "TERM" or "KILL": the names of RFC 4254 section 6.10 and Linux's own, without SIG. */
  signal?: string;
  coreDumped?: boolean;
}

/** A running program that leads a session of the operating system. */
export interface Child {
  readonly pid: number;
  /** Settles once the program itself has ended, whatever its background processes do; never rejects. */
  readonly exit: Promise<ExitStatus>;
  /** Sends a signal, named as in {@link ExitStatus}, to the child's process group. Unknown names are ignored. */
  signal(name: string): void;
  /** SIGHUP, and after a short grace SIGKILL, to every process still in the child's session. */
  killSession(): void;
}

const SYS_PIDFD_OPEN = 434n; // on every architecture
const WNOHANG = 1;
const SIGKILL = 9;

/** Watches over a session leader this process has just started, and reaps it. */
export class ChildProcess implements Child {
  readonly pid: number;
  readonly exit: Promise<ExitStatus>;
  readonly #session: SessionProcesses;
  #ended = false;

  /** Kills the process again when it cannot be watched, and throws AppError. */
  constructor(pid: number) {
    this.pid = pid;
    this.#session = new SessionProcesses(pid);
    const { promise, resolve } = Promise.withResolvers<ExitStatus>();
    this.exit = promise;
    onExit(pid, (status) => {
      this.#ended = true;
      this.#session.leaderReaped();
      resolve(status);
    });
  }

  signal(name: string): void {
    const number = signalNumber(name);
    // Once reaped, the number may belong to somebody else.
    if (number !== undefined && !this.#ended) libc().kill(-this.pid, number);
  }

  killSession(): void {
    this.#session.kill();
  }
}

/** Calls `ended` once, after having reaped the process. Where that cannot be arranged it kills the process and throws. */
function onExit(pid: number, ended: (status: ExitStatus) => void): void {
  const c = libc();
  let pidfd = -1;
  try {
    pidfd = must(Number(c.syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n)), `watch process ${pid}`);
    const exited = watch(pidfd, () => {
      const status = reap(pid);
      if (status === undefined) return;
      exited.close();
      c.close(pidfd);
      ended(status);
    });
    exited.want(READABLE);
  } catch (error) {
    if (pidfd >= 0) c.close(pidfd);
    c.kill(pid, SIGKILL);
    c.waitpid(pid, block(4), 0); // returns at once: the process has just been killed
    throw error;
  }
}

/** The status of an ended child, which frees its number; undefined while it runs. */
function reap(pid: number): ExitStatus | undefined {
  const status = block(4);
  const result = libc().waitpid(pid, status, WNOHANG);
  if (result === 0) return undefined;
  if (result < 0) return {}; // somebody else in this process has reaped it
  return decodeStatus(new DataView(status.buffer).getUint32(0, true));
}

/** Decodes the status word of wait(2). */
export function decodeStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  if (signal === 0) return { code: (status >> 8) & 0xff };
  return { signal: signalName(signal), coreDumped: (status & 0x80) !== 0 };
}
