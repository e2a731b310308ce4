/**
 * The few calls of the C library that sessions of the operating system need, bound with Deno's FFI. The library is
 * opened, and each function bound, on first use: importing this module needs no permission and takes no time.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { type Functions, lazyLibrary } from "./lazy_library.ts";

const LIBRARY = "libc.so.6";

// Lengths are passed as usize; results of read, write and getdents64 are declared i32 because every length here is far
// below 2 GiB and a number is cheaper than a bigint. A name ending in _async runs on the blocking thread pool.
const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  strerror: { parameters: ["i32"], result: "pointer" },
  malloc: { parameters: ["usize"], result: "pointer" },

  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  access: { parameters: ["buffer", "i32"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  umask: { parameters: ["u32"], result: "u32" },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  rmdir: { parameters: ["buffer"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  lstat: { parameters: ["buffer", "buffer"], result: "i32" },

  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },

  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },

  kill: { parameters: ["i32", "i32"], result: "i32" },
  signal: { parameters: ["i32", "pointer"], result: "pointer" },
  getpgid: { parameters: ["i32"], result: "i32" },
  getsid: { parameters: ["i32"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "i64"], result: "i64" },
  syscall_on_buffer: { name: "syscall", parameters: ["i64", "i64", "buffer"], result: "i64" },
  syscall_of_three: { name: "syscall", parameters: ["i64", "i64", "i64", "i64"], result: "i64" },
  geteuid: { parameters: [], result: "u32" },
  getegid: { parameters: [], result: "u32" },

  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait_async: {
    name: "epoll_wait",
    parameters: ["i32", "pointer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },

  posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_addopen: { parameters: ["buffer", "i32", "buffer", "i32", "u32"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addclosefrom_np: { parameters: ["buffer", "i32"], result: "i32" },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  sigemptyset: { parameters: ["buffer"], result: "i32" },
  sigfillset: { parameters: ["buffer"], result: "i32" },

  getpwnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getpwuid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getgrnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getgrgid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  getgrouplist: { parameters: ["buffer", "u32", "buffer", "buffer"], result: "i32" },

  utmpname: { parameters: ["buffer"], result: "i32" },
  setutent: { parameters: [], result: "void" },
  pututline: { parameters: ["buffer"], result: "pointer" },
  endutent: { parameters: [], result: "void" },
  updwtmp: { parameters: ["buffer", "buffer"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The bound calls. */
export type Libc = Functions<typeof SYMBOLS>;

let opened: Libc | undefined;

/**
 * The C library. Throws AppError `unsupported` where it cannot be opened, as does a function that it does not have: glibc
 * 2.34 or newer for Linux has them all.
 */
export function libc(): Libc {
  if (opened !== undefined) return opened;
  if (Deno.build.os !== "linux" || !["x86_64", "aarch64"].includes(Deno.build.arch)) {
    const here = `${Deno.build.os} on ${Deno.build.arch}`;
    throw new AppError("unsupported", `sessions need Linux on x86_64 or aarch64; this machine is ${here}`);
  }
  // The one that tells why another has failed is bound first: binding it then would overwrite what it is to tell.
  opened = lazyLibrary(LIBRARY, SYMBOLS, {
    atOnce: ["__errno_location"],
    advice: "sessions need glibc 2.34 or newer and unrestricted ffi permission",
  });
  return opened;
}

/** True on aarch64, where a few structures and flags differ from x86_64. */
export const isArm64 = Deno.build.arch === "aarch64";

export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_NOCTTY = 0o400;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const O_DIRECTORY = isArm64 ? 0o40000 : 0o200000;

export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
