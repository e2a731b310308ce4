/**
 * The command line of `teleport start` and what it changes: roles, listeners, labels. Flags win over the file.
 * @module
 */
import { AppError, isAppError } from "../../base/errors.ts";
import { type Address, parseAddress, parseHost, parseIp } from "./address.ts";
import { ALL_ROLES, type Role } from "./daemon_config.ts";
import { type Labels, parseLabels } from "./labels.ts";
import { quote } from "../../base/quote.ts";
import type { FileSettings } from "./schema.ts";
import { didYouMean } from "../../base/suggest.ts";
import { parsePinSource, parseTokenSource, type PinSource, type TokenSource } from "./tokens.ts";
import { parseName, parseText } from "./values.ts";

/** The flags of `teleport start`, as the command line parser gives them. */
export interface StartFlags {
  debug?: boolean;
  insecureNoTls?: boolean;
  insecure?: boolean;
  /** Comma list. */
  roles?: string;
  pidFile?: string;
  advertiseIp?: string;
  listenIp?: string;
  authServer?: string[];
  token?: string;
  nodename?: string;
  config?: string;
  labels?: string;
  permitUserEnv?: boolean;
  caPin?: string[];
  /** Where health and metrics are shown: `host:port`, or a port of the loopback address. */
  diagAddr?: string;
  /** A whole configuration file in base64, in place of the file. */
  configString?: string;
}

/** Flags with their values read. */
export interface ParsedFlags {
  roles?: Set<Role>;
  pidFile?: string;
  advertiseIp?: string;
  listenIp?: string;
  authServers?: Address[];
  token?: TokenSource;
  nodename?: string;
  labels?: Labels;
  caPins?: PinSource[];
  diagAddr?: Address;
}

/**
 * Reads the values of the flags.
 * @throws {AppError} bad_input that names the flag.
 */
export function parseFlags(flags: StartFlags): ParsedFlags {
  return {
    roles: read("roles", flags.roles, parseRoles),
    pidFile: read("pid-file", flags.pidFile, parseText),
    advertiseIp: read("advertise-ip", flags.advertiseIp, parseHost),
    listenIp: read("listen-ip", flags.listenIp, parseIp),
    authServers: readList("auth-server", flags.authServer, (text) => parseAddress(text, 3025)),
    token: read("token", flags.token, parseTokenSource),
    nodename: read("nodename", flags.nodename, parseName),
    labels: read("labels", flags.labels, parseLabels),
    caPins: readList("ca-pin", flags.caPin, parsePinSource),
    diagAddr: read("diag-addr", flags.diagAddr, parseDiagAddr),
  };
}

/**
 * The roles to run. Without `--roles` they are those the file leaves enabled, less auth when `--auth-server` points
 * elsewhere.
 * @throws {AppError} bad_input when none is left.
 */
export function chooseRoles(settings: FileSettings, flags: ParsedFlags, warnings: string[]): Set<Role> {
  if (flags.roles) return flags.roles;
  const roles = new Set<Role>();
  if (settings.auth_service.enabled) roles.add("auth");
  if (settings.proxy_service.enabled) roles.add("proxy");
  if (settings.ssh_service.enabled) roles.add("node");
  if (flags.authServers && roles.delete("auth")) {
    warnings.push("--auth-server is given, so no auth service is started here; --roles would say otherwise");
  }
  if (roles.size === 0) {
    throw new AppError("bad_input", "nothing to run: every service is disabled; enable one or give --roles");
  }
  return roles;
}

/** `address` on the IP of `--listen-ip`, if that is given. */
export function listenOn(address: Address, flags: ParsedFlags): Address {
  return { host: flags.listenIp ?? address.host, port: address.port };
}

/** The port is not left out: there is no usual one. */
function parseDiagAddr(text: string): Address {
  const port = /^:?(\d+)$/.exec(text)?.[1];
  const address = parseAddress(port === undefined ? text : `127.0.0.1:${port}`, -1);
  if (address.port >= 0) return address;
  throw new AppError("bad_input", `${quote(text)} has no port: write 127.0.0.1:3000`);
}

function parseRoles(text: string): Set<Role> {
  const roles = new Set<Role>();
  for (const name of text.split(",").map((part) => part.trim())) {
    const role = ALL_ROLES.find((known) => known === name);
    if (role === undefined) {
      const known = ALL_ROLES.join(", ");
      throw new AppError(
        "bad_input",
        `unknown role ${quote(name)}; known roles: ${known}${didYouMean(name, ALL_ROLES)}`,
      );
    }
    roles.add(role);
  }
  return roles;
}

function read<T>(flag: string, text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(parseText(text));
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new AppError(error.code, `--${flag}: ${error.message}`);
  }
}

function readList<T>(flag: string, texts: string[] | undefined, parse: (text: string) => T): T[] | undefined {
  if (texts === undefined || texts.length === 0) return undefined;
  return texts.flatMap((text) => text.split(",")).flatMap((text) => read(flag, text.trim(), parse) ?? []);
}
