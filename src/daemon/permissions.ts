/**
 * What each role may do: one pure function from the configuration to a Worker's permission object. Everything that is
 * not granted here is denied by the runtime, whatever the role's code tries.
 * @module
 */
import type { Role } from "./config/daemon_config.ts";

/** Absolute paths and switches that decide about permissions. */
export interface PermissionFacts {
  /** The role's own folder. */
  directory: string;
  /** The folder of the embedded store; auth only, and absent where the store is another one. */
  storeDirectory?: string;
  /** What another store needs: `host:port` to dial, files to read; auth only. */
  store?: { net: readonly string[]; read: readonly string[] };
  /** The audit log; auth only. */
  logDirectory: string;
  /** The recordings; auth only. */
  recordingsDirectory: string;
  /** The web certificate's files, when the administrator gives them; proxy only. */
  httpsFiles: string[];
  /** Whom the system trusts about HTTPS servers; proxy only. */
  authoritiesFile?: string | undefined;
  /** What the collectors of the audit log need: `host:port` to dial, files to read; auth only. */
  auditSinks?: { net: readonly string[]; read: readonly string[] };
  /** Absolute path of libcrypto, if there is one. */
  libcrypto: string | undefined;
}

/** The embedded store's file, within its folder. */
export const STORE_FILE = "store.sqlite";

/** Variables that libraries read while they load; none of them means anything here. */
export const LIBRARY_ENV = [
  "XDG_RUNTIME_DIR",
  "WS_NO_BUFFER_UTIL",
  "WS_NO_UTF_8_VALIDATE",
  "NODE_ENV",
  "NODE_DEBUG",
  "READABLE_STREAM",
];

/** The certificate authorities of the system, for TLS; the declarations of the runtime do not know the name yet. */
const SYSTEM_AUTHORITIES = ["ca"] as unknown as "hostname"[];

/** The permissions of one role's Worker. */
export function rolePermissions(role: Role, facts: PermissionFacts): Deno.PermissionOptionsObject {
  const nothing = { import: false, run: false, sys: false, env: LIBRARY_ENV } as const;
  switch (role) {
    case "auth": {
      // Old configurations keep the store in the data directory itself: then that one file is opened, not every role's folder.
      const around = facts.storeDirectory !== undefined &&
        facts.directory.startsWith(`${facts.storeDirectory}/`);
      const store = around
        ? `${facts.storeDirectory}/${STORE_FILE}`
        : facts.storeDirectory ?? facts.directory;
      const folders = [...new Set([facts.directory, store, facts.logDirectory, facts.recordingsDirectory])]
        .filter((folder, _, all) => !all.some((other) => folder.startsWith(`${other}/`)));
      const needs = [facts.auditSinks, facts.store];
      const net = needs.flatMap((need) => need?.net ?? []);
      const read = needs.flatMap((need) => need?.read ?? []);
      return {
        ...nothing,
        // It serves a socket that the supervisor opened, and dials nobody but the store and the collectors of the audit log.
        net: net.length === 0 ? false : [...new Set(net)],
        // Who is dialed over TLS is checked against the system's authorities, unless a file names others.
        ...(net.length === 0 ? {} : { sys: SYSTEM_AUTHORITIES, env: [...LIBRARY_ENV, "NODE_USE_SYSTEM_CA"] }),
        read: [...folders, ...read],
        write: folders,
        ffi: false,
      };
    }
    case "proxy":
      return {
        ...nothing,
        net: true, // nodes join at any address
        read: [
          facts.directory,
          ...facts.httpsFiles,
          ...(facts.authoritiesFile === undefined ? [] : [facts.authoritiesFile]),
        ],
        write: [facts.directory],
        ffi: facts.libcrypto === undefined ? false : [facts.libcrypto],
      };
    case "node":
      // ffi is all or nothing in Deno: with it this role could do whatever the process can. See src/README.md.
      return { ...nothing, net: true, read: [facts.directory], write: [facts.directory], ffi: true };
  }
}

/**
 * The permissions of the Worker that calls identity providers for auth: it dials, and has nothing that could leave with
 * what it sends.
 */
export const OUTBOUND_PERMISSIONS: Deno.PermissionOptionsObject = {
  net: true, // providers are named at run time, by connectors
  read: false,
  write: false,
  ffi: false,
  run: false,
  sys: SYSTEM_AUTHORITIES,
  import: false,
  env: [...LIBRARY_ENV, "NODE_USE_SYSTEM_CA"],
};

/** The permissions in words, for `teleport status --permissions`. */
export function describePermissions(permissions: Deno.PermissionOptionsObject): Record<string, string> {
  const words = (value: unknown): string => {
    if (value === true) return "all";
    if (value === false || value === undefined || value === "none") return "none";
    return Array.isArray(value) ? value.join(", ") : String(value);
  };
  const { net, read, write, ffi, run, env, sys } = permissions;
  return {
    net: words(net),
    read: words(read),
    write: words(write),
    ffi: words(ffi),
    run: words(run),
    env: words(env),
    sys: words(sys),
  };
}
