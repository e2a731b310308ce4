/**
 * The sections of the finished configuration that belong to one role each: auth, node and proxy.
 * @module
 */
import { resolve } from "node:path";
import { formatDuration } from "../../base/duration.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { type AuditSinkConfig, auditSinkConfig } from "./audit.ts";
import type { AuthConfig, NodeConfig, ProxyConfig } from "./daemon_config.ts";
import type { ReadFile } from "./file.ts";
import { listenOn, type ParsedFlags } from "./flags.ts";
import { type Labels, SHORTEST_PERIOD } from "./labels.ts";
import { quote } from "../../base/quote.ts";
import type { FileSettings } from "./schema.ts";
import { readToken, type StaticToken } from "./tokens.ts";

/** What the configuration depends on besides file and flags. */
export interface ConfigHost {
  hostname: string;
  /** The effective user id. */
  uid: number;
  /** $HOME; undefined when it is not set. */
  home: string | undefined;
  /** The directory that relative paths start from. */
  cwd: string;
  /** Rejects with Deno.errors.NotFound when there is no such file. */
  readTextFile(path: string): Promise<string>;
}

/** What every section is made from. */
export interface Sources {
  file: ReadFile;
  settings: FileSettings;
  flags: ParsedFlags;
  host: ConfigHost;
  warnings: string[];
}

/**
 * The auth section.
 * @param runs whether the role runs here: only then are the files of its tokens read.
 * @throws {AppError} when a token's file cannot be read.
 */
export async function authConfig(
  { settings, flags, host, file, warnings }: Sources,
  dataDir: string,
  runs: boolean,
): Promise<AuthConfig> {
  const { auth_service: auth, teleport: { storage } } = settings;
  if (storage.type !== "deno_kv") {
    const place = file.place(["teleport", "storage", "type"]);
    warnings.push(`${place}: storage type "${storage.type}" means the embedded store "deno_kv" here`);
  }
  const staticTokens: StaticToken[] = [];
  for (const [index, { roles, source }] of (runs ? auth.tokens : []).entries()) {
    try {
      staticTokens.push({ roles, value: await readToken(source, (path) => host.readTextFile(path)) });
    } catch (error) {
      if (!isAppError(error)) throw error;
      throw new AppError(error.code, `${file.place(["auth_service", "tokens", index])}: ${error.message}`);
    }
  }
  return {
    clusterName: auth.cluster_name,
    listenAddr: listenOn(auth.listen_addr, flags),
    publicAddrs: auth.public_addr,
    staticTokens,
    authentication: { type: auth.authentication.type, secondFactor: auth.authentication.second_factor },
    sessionRecording: auth.session_recording,
    licenseFile: resolve(dataDir, auth.license_file),
    clientIdleTimeout: auth.client_idle_timeout,
    disconnectExpiredCert: auth.disconnect_expired_cert,
    audit: {
      sinks: auditSinks({ settings, file, host, warnings }),
      keepLog: auth.audit_retention,
      keepRecordings: auth.recording_retention,
    },
    storage: { type: "deno_kv", path: resolve(host.cwd, storage.path ?? resolve(dataDir, "auth")) },
  };
}

function auditSinks(
  { settings, file, host, warnings }: Pick<Sources, "settings" | "file" | "host" | "warnings">,
): AuditSinkConfig[] {
  const sinks = settings.auth_service.audit_sinks.map((entry, index) => {
    const path = ["auth_service", "audit_sinks", index];
    const place = (key?: string) => file.place(key === undefined ? path : [...path, key]);
    return auditSinkConfig(entry, { cwd: host.cwd, place, warn: (text) => warnings.push(text) });
  });
  const twice = sinks.findIndex(({ name }, index) => sinks.findIndex((sink) => sink.name === name) !== index);
  if (twice < 0) return sinks;
  const where = file.place(["auth_service", "audit_sinks", twice]);
  throw new AppError("bad_input", `${where}: the same sink is there twice`);
}

/**
 * The node section.
 * @throws {AppError} bad_input when a label is given twice.
 */
export function nodeConfig({ settings, flags, file, warnings }: Sources, permitUserEnv: boolean): NodeConfig {
  const { ssh_service: ssh } = settings;
  const fromFile: Labels = {
    fixed: ssh.labels,
    commands: ssh.commands.map(({ name, command, period }) => ({ name, command, periodMs: period })),
  };
  const names = [...Object.keys(fromFile.fixed), ...fromFile.commands.map(({ name }) => name)];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new AppError(
      "bad_input",
      `${file.place(["ssh_service", "commands"])}: label ${quote(twice)} is given twice`,
    );
  }
  const labels = mergeLabels(fromFile, flags.labels ?? { fixed: {}, commands: [] });
  for (const label of labels.commands) {
    if (label.periodMs >= SHORTEST_PERIOD) continue;
    warnings.push(`label ${quote(label.name)}: its period is raised to ${formatDuration(SHORTEST_PERIOD)}`);
    label.periodMs = SHORTEST_PERIOD;
  }
  return {
    listenAddr: listenOn(ssh.listen_addr, flags),
    publicAddrs: ssh.public_addr,
    labels,
    permitUserEnv: permitUserEnv || ssh.permit_user_env,
  };
}

/** All labels of both; for a name in both, the second one's. */
function mergeLabels(first: Labels, second: Labels): Labels {
  const replaced = new Set([...Object.keys(second.fixed), ...second.commands.map(({ name }) => name)]);
  const fixed = Object.entries(first.fixed).filter(([name]) => !replaced.has(name));
  return {
    fixed: Object.fromEntries([...fixed, ...Object.entries(second.fixed)]),
    commands: [...first.commands.filter(({ name }) => !replaced.has(name)), ...second.commands],
  };
}

/**
 * The proxy section.
 * @param hostname stands for a `public_addr` that is not set.
 * @throws {AppError} bad_input when one of the HTTPS key and certificate is missing.
 */
export function proxyConfig(
  { settings, flags, host, file }: Sources,
  tls: boolean,
  hostname: string,
): ProxyConfig {
  const { proxy_service: proxy } = settings;
  const { https_key_file: key, https_cert_file: cert } = proxy;
  if ((key === undefined) !== (cert === undefined)) {
    const given = key === undefined ? "https_cert_file" : "https_key_file";
    const missing = key === undefined ? "https_key_file" : "https_cert_file";
    const place = file.place(["proxy_service", given]);
    throw new AppError("bad_input", `${place}: "${given}" needs "${missing}" beside it`);
  }
  const webListenAddr = listenOn(proxy.web_listen_addr, flags);
  const publicAddrs = proxy.public_addr.length > 0
    ? proxy.public_addr
    : [{ host: hostname, port: webListenAddr.port }];
  return {
    listenAddr: listenOn(proxy.listen_addr, flags),
    tunnelListenAddr: listenOn(proxy.tunnel_listen_addr, flags),
    webListenAddr,
    publicAddrs,
    tls,
    https: key === undefined || cert === undefined
      ? undefined
      : { keyFile: resolve(host.cwd, key), certFile: resolve(host.cwd, cert) },
    allowUnregisteredNodes: proxy.allow_unregistered_nodes,
  };
}
