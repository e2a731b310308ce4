/**
 * The finished configuration of `teleport start`: defaults, file and flags in one, every value typed.
 * @module
 */
import type { LoginChoice } from "../../model/sso.ts";
import type { Secret } from "../../base/secret.ts";
import type { RecordedBy, RecordingMode } from "../../model/recording_policy.ts";
import type { SecondFactorKind, SecurityKeyPlace } from "../../model/security_key.ts";
import type { Algorithms } from "../../ssh/algorithms.ts";
import type { Address } from "./address.ts";
import type { AuditConfig } from "./audit_config.ts";
import type { Labels } from "./labels.ts";
import type { LogDestination } from "./log_target.ts";
import type { RateRule } from "../../base/rate_limit.ts";
import type { RemoteAuditConfig, StorageConfig } from "./storage_config.ts";
import type { StaticToken } from "./tokens.ts";
import type { BalancerChoice } from "../../api/balancers.ts";

/** What a daemon can run. */
export type Role = "auth" | "proxy" | "node";

/** All roles, in the order they start. */
export const ALL_ROLES: readonly Role[] = ["auth", "proxy", "node"];

/** Where log lines go, from which severity on, and in which form. */
export interface LogConfig {
  output: LogDestination;
  severity: "error" | "warn" | "info" | "debug";
  format: "text" | "json";
}

/** The auth role: certificate authority, users, store. */
export interface AuthConfig {
  /** Absent: the name that was stored at the first start, or a new UUID. */
  clusterName?: string;
  listenAddr: Address;
  /** Further names for the host certificate. */
  publicAddrs: Address[];
  /** Whose PROXY headers are believed. */
  proxyProtocol: BalancerChoice;
  staticTokens: StaticToken[];
  authentication: {
    type: LoginChoice["type"];
    connectorName?: string | undefined;
    secondFactor: SecondFactorKind;
    /** Set with the second factor "u2f". */
    u2f?: SecurityKeyPlace;
  };
  sessionRecording: RecordedBy;
  recordingMode: RecordingMode;
  recordCommands: boolean;
  /** Recording proxies ask hosts for certificates of the cluster. */
  proxiesCheckHostKeys: boolean;
  /** Absolute path; there need not be one. */
  licenseFile: string;
  /** Milliseconds without traffic after which a session is ended; 0 is never. */
  clientIdleTimeout: number;
  disconnectExpiredCert: boolean;
  audit: AuditConfig;
  storage: StorageConfig;
  /** Absolute path; absent where recordings lie beside the audit log. */
  recordingsDirectory?: string;
  /** Present when events or recordings are kept at AWS. */
  remoteAudit?: RemoteAuditConfig;
}

/** The node role: an SSH server that starts shells. */
export interface NodeConfig {
  listenAddr: Address;
  /** Further names for the host certificate. */
  publicAddrs: Address[];
  proxyProtocol: BalancerChoice;
  labels: Labels;
  permitUserEnv: boolean;
  /** Absent when PAM is off. */
  pam?: { service: string };
}

/** The proxy role: SSH and HTTPS front. */
export interface ProxyConfig {
  listenAddr: Address;
  tunnelListenAddr: Address;
  webListenAddr: Address;
  /** What users see, at least one; port 0 stands for the port the web listener got. */
  publicAddrs: Address[];
  /** The SSH address users are told, and further names for the host certificate. */
  sshPublicAddrs: Address[];
  proxyProtocol: BalancerChoice;
  /** False with `--insecure-no-tls`: the web listener speaks plain HTTP. */
  tls: boolean;
  /** Absent: a self-signed pair is made. */
  https?: { keyFile: string; certFile: string };
  /** Whether names that are no registered nodes may be dialed. */
  allowUnregisteredNodes: boolean;
}

/** Everything `teleport start` needs to know. Sections of roles that do not run are filled in all the same. */
export interface DaemonConfig {
  roles: Set<Role>;
  nodename: string;
  /** Absolute path. */
  dataDir: string;
  /** Absolute path. */
  pidFile?: string;
  log: LogConfig;
  debug: boolean;
  /** `--insecure`: self-signed HTTPS certificates of trusted clusters are accepted. */
  insecure: boolean;
  /** IP or host name announced to the cluster; absent: guessed. */
  advertiseIp?: string;
  /** At least one; a port 0 stands for the port the own auth listener got. */
  authServers: Address[];
  /** For the first join only; absent also when its file is gone. */
  authToken?: Secret<string>;
  /** `sha256:<64 hex>` of host CA keys. */
  caPins: string[];
  /** Where health and metrics are shown; absent: nowhere. */
  diagAddr?: Address;
  /** What SSH connections use; absent: the defaults. */
  algorithms?: Algorithms;
  /** Per service. */
  limits: { maxConnections: number; maxUsers: number; rates: RateRule[] };
  /** Milliseconds that nodes and proxies decide without an auth server; 0 is not at all, Infinity for ever. */
  cacheTtl: number;
  auth: AuthConfig;
  node: NodeConfig;
  proxy: ProxyConfig;
  /** What the administrator should know; to be logged at start. */
  warnings: string[];
}
