import { assert, assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { readConfigText } from "./file.ts";

/** Every key that is known and has no effect yet. */
const INERT = `
teleport:
  connection_limits: {rates: [{period: 1m, average: 1, burst: 2}]}
  storage: {peers: [], tls_cert_file: a, tls_key_file: a, tls_ca_file: a, prefix: a, insecure: no, region: a,
    table_name: a, access_key: a, secret_key: a, read_capacity_units: 1, write_capacity_units: 1,
    audit_table_name: a, audit_sessions_uri: a}
  cache: {enabled: yes, ttl: 20h}
  ciphersuites: [a]
  keys: [{private_key_file: a, cert_file: a, private_key: a, cert: a}]
  manual_config: yes
  ssh_service: {pam: {enabled: yes, service_name: sshd}}
auth_service:
  authentication: {connector_name: a, u2f: {app_id: a, facets: [a]}, oidc: {id: a}}
  proxy_checks_host_keys: yes
  proxy_protocol: on
  u2f: {app_id: a, facets: [a]}
  trusted_clusters: [{key_file: a, allow_logins: a, tunnel_addr: a}]
  oidc_connectors: [{id: a, issuer_url: a, client_id: a, client_secret: a, redirect_url: a, acr_values: a,
    provider: a, display: a, scope: [a], claims_to_roles: [a]}]
  reverse_tunnels: [{domain_name: a, addresses: [a]}]
  authorities: [a]
  dynamic_config: yes
ssh_service:
  pam: {enabled: no, service_name: sshd}
  namespace: default
proxy_service:
  ssh_public_addr: [a]
  proxy_protocol: on
  kubernetes: {enabled: yes, anything: [a]}
`;

Deno.test("every documented key without effect is known and answered with a warning", () => {
  const { warnings } = readConfigText({ name: "t", text: INERT });
  assertEquals(warnings.length, 36);
  assert(warnings.every((line) => /^t:\d+:\d+: "[\w.]+" is recognised, has no effect yet/.test(line)));
});

Deno.test("an empty text gives the defaults", () => {
  const { settings, warnings } = readConfigText({ name: "t", text: "" });
  assertEquals(warnings, []);
  assertEquals(settings.auth_service.listen_addr, { host: "0.0.0.0", port: 3025 });
  assertEquals(settings.proxy_service.enabled, true);
  assertEquals(settings.ssh_service.permit_user_env, false);
});

Deno.test("keys below a key without effect are checked too", () => {
  const text = "auth_service: {u2f: {appid: x}}";
  assertThrows(() => readConfigText({ name: "t", text }), AppError, 't:1:22: unknown key "appid"');
});

Deno.test("at most ten problems are told", () => {
  const text = `teleport: {${Array.from({ length: 5000 }, (_, i) => `zz${i}: 1`).join(", ")}}`;
  const error = assertThrows(() => readConfigText({ name: "t", text }), AppError, "and 4990 more problems");
  assertEquals(error.message.split("\n").length, 11);
});
