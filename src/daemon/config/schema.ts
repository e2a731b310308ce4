/**
 * The configuration file, key by key: one schema gives the type, the defaults and the errors. Defaults are written the
 * way a user would write them; a section that is left out counts as an empty one (see `checkKeys`). Keys that are
 * known but do nothing in this build are marked `inert`.
 * @module
 */
import * as v from "valibot";
import { parseHost } from "./address.ts";
import { ALGORITHM_KEYS, algorithmName } from "./algorithm_name.ts";
import { auditSink, retention } from "./audit.ts";
import { inert } from "./keys.ts";
import { commandLabel, fixedLabels } from "./label_schema.ts";
import { parseTokenSource, parseTokenSpec } from "./tokens.ts";
import {
  address,
  choice,
  listOf,
  parseCount,
  parseIdleTimeout,
  parseName,
  parsePin,
  parseYesNo,
  reading,
} from "./values.ts";

const path = reading((text) => text);
const yesNo = reading(parseYesNo);
const count = reading(parseCount);

function inertKeys(...names: string[]) {
  return inert(v.object(Object.fromEntries(names.map((name) => [name, v.optional(v.unknown())]))));
}

function inertList(...names: string[]) {
  return inert(v.array(v.object(Object.fromEntries(names.map((name) => [name, v.optional(v.unknown())])))));
}

const u2f = inertKeys("app_id", "facets");

const storage = v.object({
  type: v.optional(choice(["deno_kv", "bolt", "dir"], ["etcd", "dynamodb"]), "deno_kv"),
  path: v.optional(path),
  ...Object.fromEntries(
    ["peers", "tls_cert_file", "tls_key_file", "tls_ca_file", "prefix", "insecure"].map((
      key,
    ) => [key, inert()]),
  ),
  ...Object.fromEntries(
    ["region", "table_name", "access_key", "secret_key", "read_capacity_units", "write_capacity_units"].map(
      (key) => [key, inert()],
    ),
  ),
  audit_table_name: inert(),
  audit_sessions_uri: inert(),
});

const teleport = v.object({
  nodename: v.optional(reading(parseName)),
  data_dir: v.optional(path),
  pid_file: v.optional(path),
  auth_token: v.optional(reading(parseTokenSource)),
  auth_servers: v.optional(listOf(address(3025))),
  advertise_ip: v.optional(reading(parseHost)),
  ca_pin: v.optional(listOf(reading(parsePin)), []),
  log: v.object({
    output: v.optional(reading((text) => text), "stderr"),
    severity: v.optional(choice(["error", "warn", "info", "debug"]), "error"),
    format: v.optional(choice(["text", "json"]), "text"),
  }),
  connection_limits: v.object({
    max_connections: v.optional(count, "1000"),
    max_users: v.optional(count, "250"),
    rates: inertList("period", "average", "burst"),
  }),
  storage,
  cache: inertKeys("enabled", "ttl"),
  ciphers: v.optional(listOf(reading(algorithmName(ALGORITHM_KEYS.ciphers)))),
  kex_algos: v.optional(listOf(reading(algorithmName(ALGORITHM_KEYS.kexAlgos)))),
  mac_algos: v.optional(listOf(reading(algorithmName(ALGORITHM_KEYS.macAlgos)))),
  ciphersuites: inert(),
  keys: inertList("private_key_file", "cert_file", "private_key", "cert"),
  manual_config: inert(),
  ssh_service: inert(
    v.object({ pam: v.object({ enabled: v.unknown(), service_name: v.unknown() }) }),
    '"ssh_service" belongs at the top level',
  ),
});

const authService = v.object({
  enabled: v.optional(yesNo, "yes"),
  cluster_name: v.optional(reading(parseName)),
  listen_addr: v.optional(address(3025), "0.0.0.0:3025"),
  public_addr: v.optional(listOf(address(3025)), []),
  tokens: v.optional(listOf(reading(parseTokenSpec)), []),
  authentication: v.object({
    type: v.optional(choice(["local"], ["github", "oidc", "saml"]), "local"),
    second_factor: v.optional(choice(["otp", "off"], ["u2f"]), "otp"),
    connector_name: inert(),
    u2f,
    oidc: inert(undefined, 'connectors are resources: see "tctl create"'),
  }),
  session_recording: v.optional(choice(["node", "off"], ["proxy"]), "node"),
  proxy_checks_host_keys: inert(),
  license_file: v.optional(path, "license.pem"),
  proxy_protocol: inert(),
  client_idle_timeout: v.optional(reading(parseIdleTimeout), "never"),
  disconnect_expired_cert: v.optional(yesNo, "no"),
  audit_sinks: v.optional(v.array(auditSink), []),
  audit_retention: retention,
  recording_retention: retention,
  u2f,
  trusted_clusters: inert(
    v.array(v.object({ key_file: v.unknown(), allow_logins: v.unknown(), tunnel_addr: v.unknown() })),
    'create a "trusted_cluster" resource with "tctl create" instead',
  ),
  oidc_connectors: inertList(
    ...[
      "id",
      "issuer_url",
      "client_id",
      "client_secret",
      "redirect_url",
      "acr_values",
      "provider",
      "display",
    ],
    ...["scope", "claims_to_roles"],
  ),
  reverse_tunnels: inertList("domain_name", "addresses"),
  authorities: inert(),
  dynamic_config: inert(),
});

const sshService = v.object({
  enabled: v.optional(yesNo, "yes"),
  listen_addr: v.optional(address(3022), "0.0.0.0:3022"),
  public_addr: v.optional(listOf(address(3022)), []),
  labels: v.optional(fixedLabels, {}),
  commands: v.optional(v.array(commandLabel), []),
  permit_user_env: v.optional(yesNo, "no"),
  pam: inertKeys("enabled", "service_name"),
  namespace: inert(),
});

const proxyService = v.object({
  enabled: v.optional(yesNo, "yes"),
  listen_addr: v.optional(address(3023), "0.0.0.0:3023"),
  tunnel_listen_addr: v.optional(address(3024), "0.0.0.0:3024"),
  web_listen_addr: v.optional(address(3080), "0.0.0.0:3080"),
  public_addr: v.optional(listOf(address(3080)), []),
  https_key_file: v.optional(path),
  https_cert_file: v.optional(path),
  allow_unregistered_nodes: v.optional(yesNo, "no"),
  ssh_public_addr: inert(),
  proxy_protocol: inert(),
  kubernetes: inert(),
});

/** The whole file. */
export const fileSchema = v.object({
  teleport,
  auth_service: authService,
  ssh_service: sshService,
  proxy_service: proxyService,
});

/** What a file says, defaults filled in; keys as in the file. */
export type FileSettings = v.InferOutput<typeof fileSchema>;
