/**
 * How this program starts itself once more, for work that wants a process of its own.
 * @module
 */
import type { OwnProgram } from "../node/os/launch.ts";

/** A part of this program that can run by itself. */
export interface OwnPart {
  /** Its module, below the project's folder or the bundle's, without its ending. */
  module: string;
  /** The arguments by which the whole program runs it. */
  args: readonly string[];
}

/** Serves the files of one session. */
export const FILES_PART: OwnPart = { module: "cli/teleport/sftp_server", args: ["teleport", "sftp-server"] };

/** Holds one session of PAM. */
export const PAM_PART: OwnPart = { module: "cli/teleport/pam_session", args: ["teleport", "pam-session"] };

/** No network, no files, no programs but through the C library, no questions, nothing kept from one run to the next. */
const RUNTIME_FLAGS = [
  "run",
  "--quiet",
  "--no-config",
  "--no-lock",
  "--no-npm",
  "--no-remote",
  "--no-prompt",
  "--no-code-cache",
  "--allow-ffi",
];

/**
 * Clean, because what runs may start as root: neither the environment of this process nor anybody's home says what it
 * loads. The runtime is kept from its caches, because a process that has become another user would still hold them open
 * for writing, and other processes run the code in them.
 */
const ENVIRONMENT = {
  HOME: "/",
  DENO_DIR: "/dev/null/none",
  DENO_EMIT_CACHE_MODE: "disable",
  DENO_NO_PACKAGE_JSON: "1",
  DENO_NO_UPDATE_CHECK: "1",
  NO_COLOR: "1",
  TELEPORT_CALLED_AS: "teleport", // whatever name this process was started by
};

/** A part of this program: from the sources, out of the bundle, or by the one executable that it is. */
export function ownProgram({ module, args }: OwnPart): OwnProgram {
  const path = Deno.execPath();
  const timeZone = Deno.env.get("TZ");
  const env = { ...ENVIRONMENT, ...(timeZone === undefined ? {} : { TZ: timeZone }) };
  if (Deno.build.standalone) return { path, argv: [path, ...args], env };
  // The arguments tell nothing to the module, but people who look at the list of processes.
  return { path, argv: [path, ...RUNTIME_FLAGS, moduleUrl(module), ...args], env };
}

/** Two folders above this file in the sources; beside it in the bundle of `deno task build`. */
function moduleUrl(module: string): string {
  const bundled = !new URL(import.meta.url).pathname.endsWith("/src/daemon/own_program.ts");
  return new URL(bundled ? `./${module}.js` : `../../${module}.ts`, import.meta.url).href;
}
