/**
 * The configuration of `teleport start`: built-in defaults, then the file, then the command line.
 * @module
 */
import { resolve } from "node:path";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import type { Secret } from "../../base/secret.ts";
import { type Address, dialable } from "./address.ts";
import { algorithmChoice } from "./algorithms.ts";
import type { DaemonConfig, LogConfig, Role } from "./daemon_config.ts";
import { Faults } from "./faults.ts";
import { readConfigText } from "./file.ts";
import { chooseRoles, parseFlags, type StartFlags } from "./flags.ts";
import { parseLogTarget } from "./log_target.ts";
import { quote } from "../../base/quote.ts";
import { authConfig, type ConfigHost, nodeConfig, proxyConfig, type Sources } from "./sections.ts";
import { findConfigText } from "./source.ts";
import { readPins, readToken } from "./tokens.ts";
import { isName } from "./values.ts";

export type { DaemonConfig } from "./daemon_config.ts";
export type { StartFlags } from "./flags.ts";
export type { ConfigHost } from "./sections.ts";

/**
 * Loads the configuration.
 * @throws {ConfigError} with everything that is wrong with the file
 * @throws {AppError} bad_input or not_found when there is no file to read, or a flag is at fault
 */
export async function loadConfig(flags: StartFlags, host: ConfigHost): Promise<DaemonConfig> {
  const parsed = parseFlags(flags);
  const file = readConfigText(await findConfigText(flags, (path) => host.readTextFile(path)));
  const { teleport } = file.settings;
  const sources: Sources = {
    file,
    settings: file.settings,
    flags: parsed,
    host,
    warnings: [...file.warnings],
    faults: new Faults(),
  };
  const { warnings, faults } = sources;
  faults.add(...file.faults);
  const roles = faults.attempt(() => chooseRoles(file.settings, parsed, warnings), new Set<Role>());
  const nodename = parsed.nodename ?? teleport.nodename ??
    faults.attempt(() => requireName(host.hostname), "");
  const dataDir = faults.attempt(() => resolve(host.cwd, teleport.data_dir ?? defaultDataDir(host)), "/");
  const auth = await authConfig(sources, dataDir, roles.has("auth"));
  const pidFile = parsed.pidFile ?? teleport.pid_file;
  const config: DaemonConfig = {
    roles,
    nodename,
    dataDir,
    pidFile: pidFile === undefined ? undefined : resolve(host.cwd, pidFile),
    log: logConfig(sources, flags.debug === true),
    debug: flags.debug === true,
    insecure: flags.insecure === true,
    advertiseIp: parsed.advertiseIp ?? teleport.advertise_ip,
    authServers: authServers(sources, roles.has("auth") ? auth.listenAddr : undefined),
    authToken: await authToken(sources),
    diagAddr: parsed.diagAddr,
    caPins: await caPins(sources),
    algorithms: algorithmChoice(sources),
    cacheTtl: teleport.cache.enabled ? teleport.cache.ttl : 0,
    limits: {
      maxConnections: teleport.connection_limits.max_connections,
      maxUsers: teleport.connection_limits.max_users,
      rates: teleport.connection_limits.rates.map(({ period, average, burst }) => ({
        periodMs: period,
        average,
        burst,
      })),
    },
    auth,
    node: nodeConfig(sources, flags.permitUserEnv === true),
    proxy: proxyConfig(
      sources,
      flags.insecureNoTls !== true,
      isName(host.hostname) ? host.hostname : nodename,
    ),
    warnings,
  };
  faults.end();
  return config;
}

function logConfig({ settings, host, file, warnings, faults }: Sources, debug: boolean): LogConfig {
  const { output, severity, format } = settings.teleport.log;
  if (debug) return { output: { kind: "stderr" }, severity: "debug", format };
  return { output: logOutput(output), severity, format };

  function logOutput(text: string): LogConfig["output"] {
    const place = file.place(["teleport", "log", "output"]);
    let target;
    try {
      target = parseLogTarget(text);
    } catch (error) {
      if (!isAppError(error)) throw error;
      faults.add(`${place}: "teleport.log.output": ${error.message}`);
      return { kind: "stderr" };
    }
    if (target) return target;
    const path = resolve(host.cwd, text);
    if (path !== text) {
      warnings.push(
        `${place}: the log goes to the file ${quote(path)}: the word is none of stdout, stderr, syslog`,
      );
    }
    return { kind: "file", path };
  }
}

function authServers({ settings, flags }: Sources, ownAuth: Address | undefined): Address[] {
  const given = flags.authServers ?? settings.teleport.auth_servers ?? [];
  if (given.length > 0) return given;
  return [ownAuth ? dialable(ownAuth) : { host: "127.0.0.1", port: 3025 }];
}

/** The join token. A missing file is no error: once a host has joined, it starts without its token. */
async function authToken({ settings, flags, host, warnings }: Sources): Promise<Secret<string> | undefined> {
  const source = flags.token ?? settings.teleport.auth_token;
  if (source === undefined) return undefined;
  try {
    return await readToken(source, (path) => host.readTextFile(path));
  } catch (error) {
    if (!isAppError(error)) throw error;
    warnings.push(
      `no join token: ${messageOf(error)}; only a host that has joined before can start without one`,
    );
    return undefined;
  }
}

async function caPins({ settings, flags, host, file, faults }: Sources): Promise<string[]> {
  const pins: string[] = [];
  for (const source of flags.caPins ?? settings.teleport.ca_pin) {
    try {
      pins.push(...await readPins(source, (path) => host.readTextFile(path)));
    } catch (error) {
      if (!isAppError(error)) throw error;
      const place = flags.caPins ? "--ca-pin" : `${file.place(["teleport", "ca_pin"])}: "teleport.ca_pin"`;
      faults.add(`${place}: ${error.message}`);
    }
  }
  return pins;
}

function requireName(hostname: string): string {
  if (isName(hostname)) return hostname;
  throw new AppError(
    "bad_input",
    `the host name ${quote(hostname)} cannot serve as nodename; set "nodename"`,
  );
}

function defaultDataDir({ uid, home }: ConfigHost): string {
  if (uid === 0) return "/var/lib/teleport";
  if (home) return `${home}/.local/share/teleport`;
  throw new AppError(
    "bad_input",
    'where to keep data? Set "data_dir" in the configuration; HOME is not set either',
  );
}
