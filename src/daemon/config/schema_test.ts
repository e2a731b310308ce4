import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ConfigError } from "./faults.ts";
import { readConfigText } from "./file.ts";
import { inertNote, type Shape, unwrapped } from "./keys.ts";
import { fileSchema } from "./schema.ts";

/** Every key that is known and has no effect yet. */
const INERT = `
teleport:
  ciphersuites: [a]
  keys: [{private_key_file: a, cert_file: a, private_key: a, cert: a}]
  manual_config: yes
auth_service:
  authentication: {connector_name: a, oidc: {id: a}}
  trusted_clusters: [{key_file: a, allow_logins: a, tunnel_addr: a}]
  oidc_connectors: [{id: a, issuer_url: a, client_id: a, client_secret: a, redirect_url: a, acr_values: a,
    provider: a, display: a, scope: [a], claims_to_roles: [a]}]
  reverse_tunnels: [{domain_name: a, addresses: [a]}]
  authorities: [a]
  dynamic_config: yes
ssh_service:
  pam: {enabled: no, service_name: sshd}
proxy_service:
  kubernetes: {enabled: yes, anything: [a]}
`;

Deno.test("every documented key without effect is known and answered with a warning", () => {
  const { warnings, faults } = readConfigText({ name: "t", text: INERT });
  assertEquals(faults, []);
  assertEquals(warnings.length, inertKeys(fileSchema, []).length);
  assert(warnings.every((line) => /^t:\d+:\d+: "[\w.]+" is recognised, has no effect: ./.test(line)));
});

function inertKeys(shape: Shape, path: string[]): string[] {
  if (inertNote(shape) !== undefined) return [path.join(".")];
  const inner = unwrapped(shape);
  return Object.entries(inner.entries ?? {}).flatMap(([key, below]) => inertKeys(below, [...path, key]));
}

Deno.test("the reference knows every key", () => {
  const undocumented = (shape: Shape, path: string[]): string[] => {
    if (inertNote(shape) !== undefined) return shape.doc ? [] : [path.join(".")];
    const { entries, item } = unwrapped(shape);
    const below = entries ?? (item && unwrapped(item).entries);
    const own = shape.doc || entries ? [] : [path.join(".")];
    return [...own, ...Object.entries(below ?? {}).flatMap(([key, at]) => undocumented(at, [...path, key]))];
  };
  assertEquals(undocumented(fileSchema, []), []);
});

Deno.test("an empty text gives the defaults", () => {
  const { settings, warnings } = readConfigText({ name: "t", text: "" });
  assertEquals(warnings, []);
  assertEquals(settings.auth_service.listen_addr, { host: "0.0.0.0", port: 3025 });
  assertEquals(settings.proxy_service.enabled, true);
  assertEquals(settings.ssh_service.permit_user_env, false);
});

Deno.test("keys below a key without effect are checked too", () => {
  const text = "auth_service: {authentication: {u2f: {appid: x}}}";
  assertStringIncludes(readConfigText({ name: "t", text }).faults[0] ?? "", 't:1:39: unknown key "appid"');
});

Deno.test("at most ten problems are told at a start, and all are known", () => {
  const text = `teleport: {${Array.from({ length: 5000 }, (_, i) => `zz${i}: 1`).join(", ")}}`;
  const { faults } = readConfigText({ name: "t", text });
  assertEquals(faults.length, 5000);
  const error = new ConfigError(faults);
  assertStringIncludes(error.message, "and 4990 more problems");
  assertEquals(error.message.split("\n").length, 11);
});
