/**
 * Resources as tables: `tctl get --format=text`.
 * @module
 */
import type { ResourceDocument } from "../../src/model/resource/envelope.ts";
import { type Kind, KINDS } from "../../src/model/resource/kinds.ts";
import { isObject } from "../../src/model/resource/tidy.ts";
import { parsePublicKeyLine } from "../../src/ssh/public_key.ts";
import { labelText, table } from "../output.ts";

type Column = readonly [heading: string, cell: (resource: ResourceDocument) => string];

const name: Column = ["Name", ({ metadata }) => metadata.name];

/** A field below `spec`, or of `status`. */
function field({ spec, status }: ResourceDocument, ...path: string[]): unknown {
  let value: unknown = path[0] === "status" ? { status } : spec;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return value;
}

const text = (...path: string[]) => (resource: ResourceDocument): string => {
  const value = field(resource, ...path);
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(String).join(",");
  return isObject(value) ? JSON.stringify(value) : String(value);
};

const entries =
  (path: string, show: (entry: Record<string, unknown>) => string) => (resource: ResourceDocument) => {
    const value = field(resource, path);
    return Array.isArray(value) ? value.filter(isObject).map(show).join("; ") : "";
  };

const list = (value: unknown): string =>
  Array.isArray(value) ? value.map(String).join(",") : String(value ?? "");

const roleMap = entries("role_map", ({ remote, local }) => `${String(remote)} -> ${list(local)}`);

function labels(resource: ResourceDocument): string {
  const value = field(resource, "allow", "node_labels");
  if (!isObject(value)) return "";
  return Object.entries(value).map(([key, wanted]) => `${key}: ${list(wanted)}`).join(", ");
}

function rules(resource: ResourceDocument): string {
  const value = field(resource, "allow", "rules");
  if (!Array.isArray(value)) return "";
  return value.filter(isObject).map((rule) => `${list(rule.resources)}: ${list(rule.verbs)}`).join("; ");
}

function fingerprints(resource: ResourceDocument): string {
  const keys = field(resource, "checking_keys");
  return Array.isArray(keys)
    ? keys.map((line) => parsePublicKeyLine(String(line)).key.fingerprint).join(", ")
    : "";
}

const server: Column[] = [
  ["Node Name", text("hostname")],
  ["Node ID", ({ metadata }) => metadata.name],
  ["Address", text("addr")],
  ["Labels", ({ metadata }) => labelText(metadata.labels ?? {})],
];

const COLUMNS: Partial<Record<Kind, readonly Column[]>> = {
  role: [
    ["Role", name[1]],
    ["Allowed to login as", text("allow", "logins")],
    ["Node Labels", labels],
    ["Access to resources", rules],
  ],
  user: [["User", name[1]]],
  trusted_cluster: [
    name,
    ["Enabled", text("enabled")],
    ["Token", (resource) => field(resource, "token") === undefined ? "(secret)" : text("token")(resource)],
    ["Proxy Address", text("web_proxy_addr")],
    ["Reverse Tunnel Address", text("tunnel_addr")],
    ["Role Map", roleMap],
  ],
  remote_cluster: [
    name,
    ["Status", text("status", "connection")],
    ["Last Heartbeat", text("status", "last_heartbeat")],
  ],
  cert_authority: [
    ["Cluster Name", name[1]],
    ["CA Type", text("type")],
    ["Fingerprint", fingerprints],
    ["Role Map", roleMap],
  ],
  github: [
    name,
    [
      "Teams To Logins",
      entries(
        "teams_to_logins",
        ({ organization, team, logins }) => `@${String(organization)}/${String(team)}: ${list(logins)}`,
      ),
    ],
  ],
  oidc: [name, ["Issuer URL", text("issuer_url")], ["Additional Scope", text("scope")]],
  saml: [name, ["SSO URL", text("sso")]],
  tunnel: [["Cluster Name", text("cluster_name")], ["Dial Addresses", text("dial_addrs")]],
  token: [name, ["Role", text("roles")], ["Expires", ({ metadata }) => metadata.expires ?? "never"]],
  node: server,
  auth_server: server,
  proxy: server,
};

/** One table a kind, in the order of the kinds. */
export async function resourceTables(resources: readonly ResourceDocument[]): Promise<string> {
  const kinds = Map.groupBy(resources, ({ kind }) => kind);
  const tables = await Promise.all([...kinds].map(async ([kind, ofKind]) => {
    const columns = COLUMNS[kind] ?? [name, ["Setting", ({ spec }) => JSON.stringify(spec ?? {})]];
    const rows = ofKind.map((resource) => columns.map(([, cell]) => cell(resource)));
    const heading = kinds.size > 1 ? `${KINDS[kind].noun}:\n` : "";
    return `${heading}${await table(columns.map(([title]) => title), rows)}\n`;
  }));
  return tables.join("");
}
