/**
 * Configuration files: arbitrary text, and files made from the schema with something wrong in them. What is accepted
 * must hold known keys only, each at its place.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";
import { loadConfig } from "../../../src/daemon/config/load.ts";
import { configReference, type ReferenceRow } from "../../../src/daemon/config/reference.ts";
import { sampleConfig } from "../../../src/daemon/config/sample.ts";
import { isMapping, parseYaml, type YamlTree } from "../../../src/daemon/config/yaml_tree.ts";
import type { Random } from "../random.ts";
import { decode, type FuzzTarget, text } from "../target.ts";

const FULL = `teleport:
  nodename: gw1
  auth_token: /token
  auth_servers: ["10.9.0.4:3025", "[::1]:3025"]
  connection_limits: {max_connections: 5, rates: [{period: 1m, average: 60, burst: 10}]}
  log: {output: "syslog://log.example.com", severity: WARN}
  storage: {type: bolt, path: /srv}
  cache: {enabled: yes, ttl: never}
  ciphers: [aes256-ctr]
  ssh_service: {pam: {enabled: yes}}
auth_service:
  tokens: ["proxy,node:one", "trustedcluster:two"]
  proxy_protocol: [10.0.0.0/8]
  audit_sinks: [{type: http, url: "https://h/x", events: auth}]
  trusted_clusters: [{key_file: x}]
ssh_service:
  labels: {role: master, anything: "a, b"}
  commands: [{name: arch, command: [uname, -p], period: 1h0m0s}]
proxy_service: {public_addr: [a, "b:1"], https_key_file: /k, https_cert_file: /c, kubernetes: {any: thing}}
`;

const ROWS = configReference();
const KNOWN = new Set(ROWS.flatMap(({ key }) => pathsOf(key)));
/** Below these anything may stand, or what the reference does not list. */
const OPEN = new Set([
  ...ROWS.filter(({ inert }) => inert !== undefined).map(({ key }) => key),
  ...["ssh_service.labels", "teleport.ssh_service.pam", "auth_service.u2f"],
]);
const OLD = new Set(["teleport.ssh_service"]);
const WORDS = [
  ...[
    "yes",
    "no",
    "off",
    "1m",
    "0",
    "-1",
    "1e9",
    "999999999d",
    "10.0.0.1:1",
    "[::1]:2",
    "a,b",
    "dir",
    "never",
  ],
  ...["node:x", "node:/token", "syslog://h", "https://h/", "sha256:00", "", "~", "on", "10.0.0.0/8", "otp"],
];
const STRANGE = [
  ...[
    "nodname",
    "__proto__",
    "constructor",
    "toString",
    "<<",
    "",
    "enabled ",
    "Enabled",
    "a.b",
    "teleport",
    "0",
  ],
  ...["hasOwnProperty", "prototype", "valueOf", "length"],
];

/** A key's path and those of the mappings that hold it. */
function pathsOf(key: string): string[] {
  const parts = key.split(".");
  return parts.map((_, index) => parts.slice(0, index + 1).join(".").replace(/\[\]$/, ""))
    .concat(key);
}

/** What the tree has at places that the reference does not know. */
function unknownIn(tree: YamlTree, path = ""): string[] {
  if (OPEN.has(path)) return [];
  if (Array.isArray(tree)) return tree.flatMap((item) => isMapping(item) ? unknownIn(item, `${path}[]`) : []);
  if (!isMapping(tree)) return [];
  return Object.entries(tree).flatMap(([key, value]) => {
    const at = path === "" ? key : `${path}.${key}`;
    const isKnown = KNOWN.has(at) || OPEN.has(at) || OLD.has(at);
    return isKnown && !key.includes(".") && !key.includes("[") ? unknownIn(value, at) : [at];
  });
}

/** Loads a file; an accepted one must have nothing that the reference does not know. */
async function load(file: string): Promise<void> {
  const { roles, authServers, proxy } = await loadConfig({ config: "f" }, {
    hostname: "box",
    uid: 0,
    home: "/root",
    cwd: "/",
    readTextFile: (path) =>
      path === "f" || path === "/token"
        ? Promise.resolve(path === "f" ? file : "from-file\n")
        : Promise.reject(new Deno.errors.NotFound(path)),
  });
  const unknown = unknownIn(parseYaml(file, "f"));
  if (unknown.length > 0) throw new Error(`unknown keys were accepted: ${unknown}`);
  if (roles.size === 0 || authServers.length === 0 || proxy.publicAddrs.length === 0) {
    throw new Error("a configuration was accepted that cannot be run");
  }
}

type Node = { [key: string]: Node } | Node[] | string | null;

function set(tree: { [key: string]: Node }, key: string, value: Node): void {
  Object.defineProperty(tree, key, { value, enumerable: true, configurable: true, writable: true });
}

function anything(random: Random, depth: number): Node {
  switch (random.below(depth > 2 ? 2 : 6)) {
    case 0:
      return null;
    case 1:
    case 2:
      return random.pick(WORDS);
    case 3:
      return Array.from({ length: random.below(3) }, () => anything(random, depth + 1));
    default: {
      const tree: { [key: string]: Node } = {};
      for (let left = random.below(3); left > 0; left--) {
        set(tree, random.pick(STRANGE), anything(random, depth + 1));
      }
      return tree;
    }
  }
}

/** Puts a value at a key of the reference. */
function place(tree: { [key: string]: Node }, row: ReferenceRow, random: Random): void {
  let at = tree;
  const parts = row.key.split(".");
  for (const part of parts.slice(0, -1)) {
    const name = part.replace("[]", "");
    const held = Object.hasOwn(at, name) ? at[name] : undefined;
    const inner = Array.isArray(held) ? held[0] : held;
    const next = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? inner : {};
    set(at, name, part.endsWith("[]") ? [next] : next);
    at = next;
  }
  const shown = /^`(.*)`$/.exec(row.shown)?.[1];
  const value = shown !== undefined && random.once(2) ? shown : anything(random, 0);
  set(at, parts.at(-1) ?? "", value);
}

/** Some mapping of the tree. */
function someMapping(tree: { [key: string]: Node }, random: Random): { [key: string]: Node } {
  const inner = Object.values(tree).flatMap((value) => Array.isArray(value) ? value : [value])
    .filter((value): value is { [key: string]: Node } =>
      typeof value === "object" && value !== null && !Array.isArray(value)
    );
  return inner.length === 0 || random.once(3) ? tree : someMapping(random.pick(inner), random);
}

export const configTargets: FuzzTarget[] = [
  {
    name: "config_text",
    seeds: () => text(FULL, sampleConfig({}, "box"), "", "teleport: {}"),
    run: (input) => load(decode(input)),
  },
  {
    name: "config_keys",
    seeds: () => text("x"),
    async run(_input, random) {
      const tree: { [key: string]: Node } = {};
      for (let left = 1 + random.below(6); left > 0; left--) place(tree, random.pick(ROWS), random);
      for (let left = random.below(3); left > 0; left--) {
        set(someMapping(tree, random), random.pick(STRANGE), anything(random, 1));
      }
      // JSON is YAML; the failsafe schema takes its texts as they are.
      const file = JSON.stringify(tree);
      try {
        await load(file);
      } catch (error) {
        if (!(error instanceof AppError) || error.code === "internal") throw error;
        // Every fault has its place, or names the flag or the host.
        if (!/^f(:\d+:\d+)?: |^nothing to run/.test(error.message)) {
          throw new Error(`no place: ${error.message}`);
        }
      }
    },
  },
];
