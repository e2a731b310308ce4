/**
 * What a login gets before its first prompt: the environment and the program to run.
 * @module
 */
import { readSmallFile } from "./read_file.ts";
import type { OsUser } from "./user.ts";

/** The search path when `/etc/login.defs` names none. */
export const DEFAULT_PATH = "/bin:/usr/bin:/usr/local/bin:/sbin";

/** The environment of a fresh login of `user`. Blocks shortly to read `/etc/login.defs`. */
export function loginEnvironment(user: OsUser): Record<string, string> {
  return {
    HOME: user.home,
    USER: user.name,
    LOGNAME: user.name,
    SHELL: user.shell,
    PATH: searchPath(readSmallFile("/etc/login.defs") ?? "", user.uid),
    LANG: "en_US.UTF-8",
  };
}

/**
 * The search path which login.defs(5) gives a user: ENV_SUPATH for uid 0, else ENV_PATH, with or without a leading
 * `PATH=`. The last line of a name wins.
 */
export function searchPath(loginDefs: string, uid: number): string {
  const wanted = uid === 0 ? "ENV_SUPATH" : "ENV_PATH";
  let path = "";
  for (const line of loginDefs.split("\n")) {
    const match = /^\s*(\S+)\s+(.*\S)\s*$/.exec(line);
    if (match?.[1] === wanted) path = unquoted(match[2] ?? "").replace(/^PATH=/, "");
  }
  return path || DEFAULT_PATH;
}

/** The program for a session: a login shell, or the user's shell running `command`, by the names that OpenSSH gives. */
export function shellCommand(user: OsUser, command?: string): { path: string; argv: string[] } {
  const path = user.shell;
  const name = path.slice(path.lastIndexOf("/") + 1);
  return { path, argv: command === undefined ? [`-${name}`] : [name, "-c", command] };
}

function unquoted(value: string): string {
  return /^"(.*)"$/.exec(value)?.[1] ?? value;
}
