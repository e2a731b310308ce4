/**
 * How this program starts itself once more, for work that wants a process of its own.
 * @module
 */
import type { OwnProgram } from "../node/os/launch.ts";

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
  "--allow-env=TELEPORT_CALLED_AS",
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

/** This program with other arguments: from the sources, out of the bundle, or the one executable that it is. */
export function ownProgram(args: readonly string[]): OwnProgram {
  const path = Deno.execPath();
  const timeZone = Deno.env.get("TZ");
  const env = { ...ENVIRONMENT, ...(timeZone === undefined ? {} : { TZ: timeZone }) };
  if (Deno.build.standalone) return { path, argv: [path, ...args], env };
  return { path, argv: [path, ...RUNTIME_FLAGS, mainModule(), ...args], env };
}

/** Two folders above this file in the sources; beside it in the bundle of `deno task build`. */
function mainModule(): string {
  const bundled = !new URL(import.meta.url).pathname.endsWith("/src/daemon/own_program.ts");
  return new URL(bundled ? "./main.js" : "../../main.ts", import.meta.url).href;
}
