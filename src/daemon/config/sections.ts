/**
 * The sections of the finished configuration that belong to one role each: auth, node and proxy.
 * @module
 */
import { resolve } from "node:path";
import { formatDuration } from "../../base/duration.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { auditSinkConfig } from "./audit.ts";
import type { AuditSinkConfig } from "./audit_config.ts";
import type { AuthConfig, NodeConfig, ProxyConfig } from "./daemon_config.ts";
import type { Faults } from "./faults.ts";
import type { ReadFile } from "./file.ts";
import { listenOn, type ParsedFlags } from "./flags.ts";
import { type Labels, SHORTEST_PERIOD } from "./labels.ts";
import { quote } from "../../base/quote.ts";
import type { FileSettings } from "./schema.ts";
import { securityKeyPlace } from "./security_keys.ts";
import { remoteAuditConfig } from "./remote_audit.ts";
import { storageConfig } from "./storage.ts";
import type { StorageConfig } from "./storage_config.ts";
import { readToken, type StaticToken } from "./tokens.ts";
import type { BalancerChoice } from "../../api/balancers.ts";

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
  faults: Faults;
}

/**
 * The auth section.
 * @param runs whether the role runs here: only then are the files of its tokens read.
 */
export async function authConfig(sources: Sources, dataDir: string, runs: boolean): Promise<AuthConfig> {
  const { settings, flags, host, file, warnings, faults } = sources;
  const { auth_service: auth, teleport: { storage: { audit_sessions_uri: sessions } } } = settings;
  const placeOf = (name: string) => file.place(["auth_service", "authentication", name]);
  const securityKeys = faults.attempt(() => securityKeyPlace(auth.authentication, placeOf, warnings), {});
  const storage: StorageConfig = faults.attempt(
    () => storageConfig({ settings, file, cwd: host.cwd, dataDir, warn: (text) => warnings.push(text) }),
    { type: "deno_kv", path: dataDir },
  );
  return {
    clusterName: auth.cluster_name,
    listenAddr: listenOn(auth.listen_addr, flags),
    publicAddrs: auth.public_addr,
    proxyProtocol: balancers(sources, "auth_service"),
    staticTokens: runs ? await staticTokens(sources) : [],
    authentication: {
      type: auth.authentication.type,
      ...(auth.authentication.connector_name === undefined
        ? {}
        : { connectorName: auth.authentication.connector_name }),
      secondFactor: auth.authentication.second_factor,
      ...securityKeys,
    },
    sessionRecording: auth.session_recording,
    recordingMode: auth.session_recording_mode,
    recordCommands: auth.record_commands,
    proxiesCheckHostKeys: auth.proxy_checks_host_keys,
    licenseFile: resolve(dataDir, auth.license_file),
    clientIdleTimeout: auth.client_idle_timeout,
    disconnectExpiredCert: auth.disconnect_expired_cert,
    audit: {
      sinks: faults.attempt(() => auditSinks({ settings, file, host, warnings }), []),
      keepLog: auth.audit_retention,
      keepRecordings: auth.recording_retention,
    },
    storage,
    recordingsDirectory: sessions?.kind === "directory" ? sessions.path : undefined,
    remoteAudit: faults.attempt(() => remoteAuditConfig(settings, file, storage), undefined),
  };
}

async function staticTokens({ settings, host, file, warnings, faults }: Sources): Promise<StaticToken[]> {
  const tokens: StaticToken[] = [];
  for (const [index, { roles, source, oldSpelling }] of settings.auth_service.tokens.entries()) {
    const place = file.place(["auth_service", "tokens", index]);
    if (oldSpelling !== undefined) {
      warnings.push(`${place}: ${quote(oldSpelling)} is the old spelling: write it as "trusted_cluster"`);
    }
    try {
      tokens.push({ roles, value: await readToken(source, (path) => host.readTextFile(path)) });
    } catch (error) {
      if (!isAppError(error)) throw error;
      faults.add(`${place}: "auth_service.tokens.${index}": ${error.message}`);
    }
  }
  return tokens;
}

/** Whose PROXY headers a service believes. */
function balancers(
  { settings, file, warnings }: Sources,
  section: "auth_service" | "ssh_service" | "proxy_service",
): BalancerChoice {
  const choice = settings[section].proxy_protocol;
  if (choice === "on") {
    const place = file.place([section, "proxy_protocol"]);
    warnings.push(
      `${place}: with "proxy_protocol: on" whoever reaches the port can claim any address; ` +
        "name the balancers instead, as in [10.0.0.5]",
    );
  }
  return choice;
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

/** The node section. */
export function nodeConfig(sources: Sources, permitUserEnv: boolean): NodeConfig {
  const { settings, flags, file, warnings, faults } = sources;
  const { ssh_service: ssh } = settings;
  const fromFile: Labels = {
    fixed: ssh.labels,
    commands: ssh.commands.map(({ name, command, period }) => ({ name, command, periodMs: period })),
  };
  const names = [...Object.keys(fromFile.fixed), ...fromFile.commands.map(({ name }) => name)];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    faults.add(
      `${file.place(["ssh_service", "commands"])}: "ssh_service.commands": label ${
        quote(twice)
      } is given twice`,
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
    proxyProtocol: balancers(sources, "ssh_service"),
    labels,
    permitUserEnv: permitUserEnv || ssh.permit_user_env,
    pam: ssh.pam.enabled ? { service: ssh.pam.service_name } : undefined,
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
 */
export function proxyConfig(sources: Sources, tls: boolean, hostname: string): ProxyConfig {
  const { settings, flags, host, file, faults } = sources;
  const { proxy_service: proxy } = settings;
  const { https_key_file: key, https_cert_file: cert } = proxy;
  if ((key === undefined) !== (cert === undefined)) {
    const given = key === undefined ? "https_cert_file" : "https_key_file";
    const missing = key === undefined ? "https_key_file" : "https_cert_file";
    const place = file.place(["proxy_service", given]);
    faults.add(`${place}: "${given}" needs "${missing}" beside it`);
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
    sshPublicAddrs: proxy.ssh_public_addr,
    proxyProtocol: balancers(sources, "proxy_service"),
    tls,
    https: key === undefined || cert === undefined
      ? undefined
      : { keyFile: resolve(host.cwd, key), certFile: resolve(host.cwd, cert) },
    allowUnregisteredNodes: proxy.allow_unregistered_nodes,
  };
}
