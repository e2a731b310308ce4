/**
 * The process that holds one PAM session: as root it checks the account, opens the session, starts the user's program
 * inside it, and closes it when that has ended. Limits and the like, which modules set on the process that calls them,
 * so reach this session and nothing else.
 *
 * | descriptor | what |
 * |---|---|
 * | 0 | the session's terminal, or its standard input |
 * | 3 | reports to the node |
 * | 4 | the node's plan, a file in memory |
 * | 5, 6 | standard output and error, where there is no terminal |
 * @module
 */
import { messageOf } from "../../base/errors.ts";
import { block, cString } from "../os/c_memory.ts";
import { ChildProcess, type ExitStatus } from "../os/child_process.ts";
import { libc, O_RDWR } from "../os/libc.ts";
import { signalNumber } from "../os/signals.ts";
import { spawn, type SpawnOptions, type StandardFiles } from "../os/spawn.ts";
import { PamTransaction } from "./libpam.ts";
import { formatPamReport, type PamPlan, type PamReport, parsePamPlan } from "./plan.ts";

const INPUT = 0, REPORTS = 3, PLAN = 4, OUTPUT = 5, ERROR = 6;
const MAX_PLAN = 1024 * 1024;
const REFUSED = 254;
/** What a client may send, or a terminal; the program gets them, and the session is closed all the same. */
const SIGNALS = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGWINCH",
] as const;
/** Variables that say how the client came are not for modules to change. */
const OURS = /^(SSH_|TELEPORT_|TERM$|HOME$|USER$|LOGNAME$|SHELL$)/;
const encoder = new TextEncoder();

/** Runs to the end. @returns the exit code */
export async function holdPamSession(): Promise<number> {
  let plan: PamPlan;
  let transaction: PamTransaction | undefined;
  try {
    plan = readPlan();
    const onTerminal = plan.tty.startsWith("/");
    transaction = new PamTransaction({
      ...plan,
      onMessage: (text, isError) => {
        if (onTerminal) write(INPUT, encoder.encode(`${text}\n`)); // a terminal is read and written
        else if (isError && plan.program) write(ERROR, encoder.encode(`${text}\n`));
      },
    });
    transaction.checkAccount();
    transaction.open();
  } catch (error) {
    transaction?.close(false);
    report({ type: "refused", reason: messageOf(error) });
    return REFUSED;
  }
  try {
    return await (plan.program ? runInside(plan.program, plan.tty, transaction) : untilInputEnds());
  } finally {
    transaction.close(true);
  }
}

async function runInside(program: SpawnOptions, tty: string, pam: PamTransaction): Promise<number> {
  const given = Object.entries(pam.environment()).filter(([name]) => !OURS.test(name));
  const files: StandardFiles = tty.startsWith("/")
    ? { tty }
    : { stdin: INPUT, stdout: OUTPUT, stderr: ERROR };
  let child: ChildProcess;
  try {
    const env = { ...program.env, ...Object.fromEntries(given) };
    child = new ChildProcess(spawn({ ...program, env, withinSession: true }, files));
  } catch (error) {
    report({ type: "refused", reason: messageOf(error) });
    return REFUSED;
  }
  const listeners = SIGNALS.map((signal) => ({ signal, listener: () => passOn(child.pid, signal) }));
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  report({ type: "opened" });
  letGo(files);
  const status = await child.exit;
  for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
  return exitCode(status);
}

async function untilInputEnds(): Promise<number> {
  const { promise: told, resolve } = Promise.withResolvers<null>();
  const listener = () => resolve(null);
  for (const signal of ["SIGHUP", "SIGTERM"] as const) Deno.addSignalListener(signal, listener);
  report({ type: "opened" });
  const buffer = new Uint8Array(64);
  while (await Promise.race([Deno.stdin.read(buffer), told]) !== null);
  return 0;
}

/** A shell with job control has a process group of its own; everybody else gets the signal with this process. */
function passOn(pid: number, signal: (typeof SIGNALS)[number]): void {
  const number = signalNumber(signal.slice(3));
  if (number !== undefined && libc().getpgid(pid) !== libc().getpgid(0)) libc().kill(pid, number);
}

/** The program has them: who holds a pipe's other end is to see when it ends. */
function letGo(files: StandardFiles): void {
  const nothing = libc().open(cString("/dev/null"), O_RDWR, 0);
  libc().dup2(nothing, INPUT);
  libc().close(nothing);
  if ("stdout" in files) { for (const fd of [files.stdout, files.stderr]) libc().close(fd); }
}

/** Ends this process in the same way as the program ended. */
function exitCode({ code, signal }: ExitStatus): number {
  if (signal === undefined) return code ?? 1;
  const number = signalNumber(signal) ?? 0;
  endBySignal = number;
  return 128 + number;
}

let endBySignal = 0;

/** To be called at the very end: the signal by which the program ended, if it was one, ends this process, too. */
export function endAlike(): void {
  if (endBySignal === 0) return;
  libc().signal(endBySignal, null);
  libc().kill(Deno.pid, endBySignal);
}

function report(what: PamReport): void {
  write(REPORTS, formatPamReport(what));
  libc().close(REPORTS);
}

function write(fd: number, bytes: Uint8Array<ArrayBuffer>): void {
  for (let rest = bytes; rest.length > 0;) {
    const count = libc().write(fd, rest, BigInt(rest.length));
    if (count <= 0) return; // nobody reads it
    rest = rest.subarray(count);
  }
}

function readPlan(): PamPlan {
  const bytes = block(MAX_PLAN);
  let length = 0;
  for (;;) {
    const count = libc().pread(PLAN, bytes.subarray(length), BigInt(bytes.length - length), BigInt(length));
    if (count <= 0) break;
    length += count;
  }
  libc().close(PLAN);
  return parsePamPlan(new TextDecoder().decode(bytes.subarray(0, length)));
}
