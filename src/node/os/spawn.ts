/**
 * Starts a program as leader of a new session of the operating system, as a given user, with posix_spawn(3).
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { block, cString, cStringList } from "./c_memory.ts";
import { execStub, STUB_FD } from "./exec_stub.ts";
import { libc, O_CLOEXEC, O_DIRECTORY, O_RDONLY, O_RDWR } from "./libc.ts";
import { lastErrno, must, osError } from "./os_error.ts";
import type { OsUser } from "./user.ts";

/** What to start. */
export interface SpawnOptions {
  user: OsUser;
  /** Absolute path of the program. */
  path: string;
  /** All arguments, the program's own name first; a name that starts with "-" makes a login shell. */
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Where it starts; the user's home when absent, `/` when that cannot be entered. */
  cwd?: string;
  /** It belongs to the session of the operating system, and the process group, of this process, and leads none. */
  withinSession?: boolean;
}

/** Standard input, output and error: a terminal, which becomes the controlling one, or three descriptors. */
export type StandardFiles = { tty: string } | { stdin: number; stdout: number; stderr: number };

/** A program of ours, which runs as the user of this process. */
export interface OwnProgram {
  /** Absolute path. */
  path: string;
  /** All arguments, the program's own name first. */
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
}

/** How the child becomes another user: by the stub in memory, or by setpriv(1) of util-linux. */
export type SwitchMethod = "stub" | "setpriv";

const SETPRIV = "/usr/bin/setpriv", ENV = "/usr/bin/env";
const STUB_PATH = `/proc/self/fd/${STUB_FD}`;
const SPAWN_SETSIGDEF = 4, SPAWN_SETSIGMASK = 8, SPAWN_SETSID = 0x80;
// Larger than glibc's structures (80 and 336 bytes) and its sigset_t (128).
const ACTIONS_SIZE = 256, ATTRIBUTES_SIZE = 512, SIGSET_SIZE = 128;
const MFD_CLOEXEC = 1, MFD_EXEC = 0x10;
// ENOENT, EACCES, ENOSYS: no /proc, or a security module forbids to run from memory, or the kernel has no such files.
const NO_STUB = new Set([2, 13, 38]);
const UMASK = 0o22;
const F_DUPFD_CLOEXEC = 1030;
/** Descriptors are moved here before they become the child's lowest ones, so that none overwrites another on the way. */
const ABOVE = 64;

let method: SwitchMethod = Deno.build.arch === "x86_64" ? "stub" : "setpriv";

/**
 * Starts the program and gives its process id. All signals have their default action, no descriptor past 2 is open and
 * the umask is 022. When the thread of this process that calls ends, the program gets SIGHUP. Throws AppError: `bad_input` for a NUL in any text, `access_denied` when only root could become
 * that user, `limit` and others when the system refuses. A program that cannot be run may instead show as exit code
 * 127, a user that cannot be become as 126, each with a line on standard error.
 */
export function spawn(options: SpawnOptions, files: StandardFiles, using: SwitchMethod = method): number {
  checkTexts(options);
  checkUser(options.user);
  if (using === "setpriv") return spawnWithoutStub(options, files);
  const stub = spawnByStub(options, files);
  if (stub.errno === 0) return stub.pid;
  if (!NO_STUB.has(stub.errno)) throw osError(`start ${options.path}`, stub.errno);
  const pid = spawnWithoutStub(options, files);
  method = "setpriv"; // it works where the stub does not: do not try again each time
  return pid;
}

/**
 * Starts a program of ours, without changing its user, with the given descriptors as its 0, 1, 2 and so on. It may hold
 * all rights of this process: what runs is never for a client to choose. Throws AppError when the system refuses.
 * @param cwd where it starts
 * @param tty the terminal that is to be its 0 and its controlling one; the descriptors follow then
 */
export function spawnOwn(
  program: OwnProgram,
  descriptors: readonly number[],
  cwd = "/",
  tty?: string,
): number {
  return withMoved(descriptors, (moved) => {
    const { pid, errno } = posixSpawn({ ...program, files: { descriptors: moved, tty }, cwd });
    if (errno !== 0) throw osError(`start ${program.path}`, errno);
    return pid;
  });
}

/**
 * Starts a program of ours that lies in no file, as the user of this process, with the given descriptors as its 0, 1 and
 * 2. Throws AppError when the system refuses.
 * @param name its argv[0]
 */
export function spawnFromMemory(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  descriptors: readonly [number, number, number],
): number {
  const program = programInMemory(bytes);
  if (typeof program !== "number") throw osError(`start ${name}`, program.errno);
  try {
    return withMoved(descriptors, (moved) => {
      const files = { descriptors: moved, tty: undefined };
      const { pid, errno } = posixSpawn({ path: STUB_PATH, argv: [name], env: {}, files, program });
      if (errno !== 0) throw osError(`start ${name}`, errno);
      return pid;
    });
  } finally {
    libc().close(program);
  }
}

/** Calls `start` with copies of the descriptors that are above those which the child is to have. */
function withMoved(descriptors: readonly number[], start: (moved: readonly number[]) => number): number {
  const moved: number[] = [];
  try {
    for (const fd of descriptors) {
      moved.push(must(libc().fcntl(fd, F_DUPFD_CLOEXEC, ABOVE), "prepare a descriptor"));
    }
    return start(moved);
  } finally {
    for (const fd of moved) libc().close(fd);
  }
}

function checkTexts(options: SpawnOptions): void {
  const variables = Object.entries(options.env);
  const texts = [options.path, options.cwd ?? options.user.home, ...options.argv, ...variables.flat()];
  if (texts.some((text) => text.includes("\0"))) {
    throw new AppError("bad_input", "a command, its directory and its environment must not hold NUL bytes");
  }
  const odd = variables.find(([name]) => name === "" || name.includes("="));
  if (odd) throw new AppError("bad_input", `"${odd[0]}" is no name for an environment variable`);
  if (!options.path.startsWith("/")) throw new AppError("bad_input", `"${options.path}" is no absolute path`);
  if (options.argv.length === 0) {
    throw new AppError("bad_input", "a program needs its own name as first argument");
  }
}

function checkUser(user: OsUser): void {
  const uid = libc().geteuid();
  if (uid === 0 || uid === user.uid) return;
  throw new AppError(
    "access_denied",
    `cannot become user "${user.name}": this node runs as uid ${uid}; run it as root to serve other users`,
  );
}

function switchesUser(user: OsUser): boolean {
  return user.uid !== libc().geteuid();
}

function spawnByStub(options: SpawnOptions, files: StandardFiles): { pid: number; errno: number } {
  const { user } = options;
  const stub = execStub({
    path: options.path,
    cwd: options.cwd ?? user.home,
    ...(switchesUser(user) ? { credentials: user } : {}),
  });
  const program = programInMemory(stub);
  if (typeof program !== "number") return { pid: -1, errno: program.errno };
  try {
    return posixSpawn({ ...options, path: STUB_PATH, files, program });
  } finally {
    libc().close(program);
  }
}

/** A descriptor of a file in memory that holds `bytes`, for a child to read from the start with pread(2). */
export function memoryFile(bytes: Uint8Array<ArrayBuffer>): number {
  const c = libc();
  const fd = must(c.memfd_create(cString("plan"), MFD_CLOEXEC), "make a file in memory");
  if (c.write(fd, bytes, BigInt(bytes.length)) === bytes.length) return fd;
  c.close(fd);
  throw new AppError("limit", "cannot fill a file in memory: out of memory");
}

/** A descriptor of a file in memory that may be run. */
function programInMemory(bytes: Uint8Array<ArrayBuffer>): number | { errno: number } {
  const c = libc();
  const name = cString("session");
  // Kernels before 6.3 know no MFD_EXEC, and need none.
  let fd = c.memfd_create(name, MFD_CLOEXEC | MFD_EXEC);
  if (fd < 0) fd = c.memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) return { errno: lastErrno() };
  if (c.write(fd, bytes, BigInt(bytes.length)) === bytes.length) return fd;
  const errno = lastErrno();
  c.close(fd);
  return { errno };
}

/** As {@link spawn} where the stub cannot run. setpriv cannot give argv[0], so a login shell is asked for with -l. */
function spawnWithoutStub(options: SpawnOptions, files: StandardFiles): number {
  const { user } = options;
  const wanted = options.cwd ?? user.home;
  const cwd = enterable(wanted) ? wanted : "/";
  const command = switchesUser(user) ? setprivCommand(options) : options;
  // The mask belongs to the whole process: it is changed only while the child copies it.
  const before = libc().umask(UMASK);
  const { pid, errno } = posixSpawn({
    path: command.path,
    argv: command.argv,
    env: command.env,
    cwd,
    files,
    withinSession: options.withinSession,
  });
  libc().umask(before);
  if (errno !== 0) throw osError(`start ${command.path}`, errno);
  return pid;
}

/**
 * setpriv still runs as root, so it must not see the session's environment, where LD_PRELOAD and its like would have it
 * run the user's code: env(1), already as the user, sets it.
 */
function setprivCommand(
  { user, path, argv, env }: SpawnOptions,
): Pick<SpawnOptions, "path" | "argv" | "env"> {
  if (path.includes("=")) throw new AppError("unsupported", `cannot start ${path}: its name holds "="`);
  const groups = user.groups.length > 0 ? `--groups=${user.groups.join(",")}` : "--clear-groups";
  const become = [
    "setpriv",
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    groups,
    "--pdeathsig=HUP",
    "--",
    ENV,
    "-i",
    "--",
  ];
  const login = argv[0]?.startsWith("-") ? ["-l"] : [];
  return { path: SETPRIV, argv: [...become, ...assignments(env), path, ...login, ...argv.slice(1)], env: {} };
}

function assignments(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function enterable(path: string): boolean {
  const fd = libc().open(cString(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return false;
  libc().close(fd);
  return true;
}

interface RawSpawn {
  path: string;
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  files: StandardFiles | { descriptors: readonly number[]; tty: string | undefined };
  /** Becomes STUB_FD in the child. */
  program?: number;
  cwd?: string;
  withinSession?: boolean;
}

function posixSpawn(options: RawSpawn): { pid: number; errno: number } {
  const c = libc();
  const actions = block(ACTIONS_SIZE), attributes = block(ATTRIBUTES_SIZE), pid = block(4);
  c.posix_spawn_file_actions_init(actions);
  c.posix_spawnattr_init(attributes);
  try {
    addFileActions(actions, options);
    const none = block(SIGSET_SIZE), all = block(SIGSET_SIZE);
    c.sigemptyset(none);
    c.sigfillset(all);
    const session = options.withinSession ? 0 : SPAWN_SETSID;
    c.posix_spawnattr_setflags(attributes, SPAWN_SETSIGDEF | SPAWN_SETSIGMASK | session);
    c.posix_spawnattr_setsigmask(attributes, none);
    c.posix_spawnattr_setsigdefault(attributes, all);
    const argv = cStringList(options.argv);
    const envp = cStringList(assignments(options.env));
    const errno = c.posix_spawn(pid, cString(options.path), actions, attributes, argv, envp);
    return { pid: new DataView(pid.buffer).getInt32(0, true), errno };
  } finally {
    c.posix_spawn_file_actions_destroy(actions);
    c.posix_spawnattr_destroy(attributes);
  }
}

/** What the child does with descriptors before it runs the program, in this order. */
function addFileActions(actions: Uint8Array<ArrayBuffer>, options: RawSpawn): void {
  const c = libc();
  const { files, program, cwd } = options;
  const tty = "tty" in files ? files.tty : undefined;
  if (tty !== undefined) {
    // The first terminal that a session leader opens becomes its controlling terminal.
    c.posix_spawn_file_actions_addopen(actions, 0, cString(tty), O_RDWR, 0);
  }
  const first = tty === undefined ? 0 : 1;
  const descriptors = descriptorsOf(files);
  descriptors.forEach((fd, index) => c.posix_spawn_file_actions_adddup2(actions, fd, first + index));
  const kept = first + descriptors.length;
  if (program !== undefined) c.posix_spawn_file_actions_adddup2(actions, program, STUB_FD);
  c.posix_spawn_file_actions_addclosefrom_np(actions, program === undefined ? kept : STUB_FD + 1);
  if (cwd !== undefined) c.posix_spawn_file_actions_addchdir_np(actions, cString(cwd));
}

function descriptorsOf(files: RawSpawn["files"]): readonly number[] {
  if ("descriptors" in files) return files.descriptors;
  return "tty" in files ? [0, 0] : [files.stdin, files.stdout, files.stderr];
}
