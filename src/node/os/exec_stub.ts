/**
 * A program of a few hundred bytes that becomes another user and then the wanted program. It is made anew for each
 * launch and run from memory, so all change of privilege happens in the child: no thread of this process ever runs with
 * a user's credentials, and no helper program stays behind as parent. What it does, in this order:
 *
 *     umask(022)
 *     setgroups(n, groups); setresgid(gid x 3); setresuid(uid x 3)     any failure: message, exit 126
 *     prctl(PR_SET_PDEATHSIG, SIGHUP)                                  hung up on when the thread that started it ends
 *     chdir("/"); chdir(directory)                                      failures ignored
 *     close(3)                                                         this file itself
 *     execve(path, argv, envp)     both as this program got them       failure: message, exit 127
 * @module
 */
import { cString } from "./c_memory.ts";
import { type Code, machineProgram } from "./machine_code.ts";

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
  return machineProgram((code) => emit(code, plan), [
    new Uint8Array(new Uint32Array(plan.credentials?.groups ?? []).buffer),
    cString(plan.path),
    cString(plan.cwd),
    cString("/"),
    cString("cannot become the user of this session\r\n"),
    cString(`${printable(plan.path)}: cannot be run\r\n`),
  ]);
}

const GROUPS = 0, PATH = 1, DIRECTORY = 2, ROOT = 3, CHANGE_MESSAGE = 4, RUN_MESSAGE = 5;

function emit(code: Code, plan: StubPlan): void {
  code.setEdi(0o22).call(SYS.umask);
  const user = plan.credentials;
  if (user !== undefined) {
    code.setEdi(user.groups.length).rsiTo(GROUPS).call(SYS.setgroups).jumpUnlessZero("fail");
    copyEdiToEsiEdx(code.setEdi(user.gid)).call(SYS.setresgid).jumpUnlessZero("fail");
    copyEdiToEsiEdx(code.setEdi(user.uid)).call(SYS.setresuid).jumpUnlessZero("fail");
  }
  // After the user has changed: that would take it away again.
  copyEdiToEsiEdx(code.setEdi(PR_SET_PDEATHSIG)).call(SYS.prctl);
  code.rdiTo(ROOT).call(SYS.chdir);
  code.rdiTo(DIRECTORY).call(SYS.chdir);
  code.setEdi(STUB_FD).call(SYS.close);
  argvAndEnvp(code.rdiTo(PATH)).call(SYS.execve);
  say(code, RUN_MESSAGE).setEdi(CANNOT_RUN).call(SYS.exit_group);
  code.mark("fail");
  say(code, CHANGE_MESSAGE).setEdi(CANNOT_CHANGE).call(SYS.exit_group);
}

/** mov esi, edi; mov edx, edi */
function copyEdiToEsiEdx(code: Code): Code {
  return code.put(0x89, 0xfe, 0x89, 0xfa);
}

/** lea rsi, [rsp+8]; mov rcx, [rsp]; lea rdx, [rsp+rcx*8+16]: the stack starts with argc, argv, NULL, envp */
function argvAndEnvp(code: Code): Code {
  return code.put(0x48, 0x8d, 0x74, 0x24, 0x08, 0x48, 0x8b, 0x0c, 0x24, 0x48, 0x8d, 0x54, 0xcc, 0x10);
}

/** write(2, message, its length without the NUL) */
function say(code: Code, message: number): Code {
  return code.setEdi(2).rsiTo(message).setEdx(code.lengthOf(message) - 1).call(SYS.write);
}

function printable(path: string): string {
  return path.replace(/[^\x20-\x7e]/g, "?");
}
