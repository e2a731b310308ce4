/**
 * Resource files: arbitrary text, and well-formed documents with something wrong in their structure. What is accepted
 * must be whole: a field that was written and is not in the result was dropped without a word.
 * @module
 */
import { checkDocuments } from "../../../cli/tctl/documents.ts";
import { checkDocument } from "../../../src/model/resource/parse.ts";
import { shownAs } from "../../../src/model/resource/shown.ts";
import type { Random } from "../random.ts";
import { decode, type FuzzTarget, text } from "../target.ts";

const USER = `kind: user
version: v2
metadata: {name: joe, labels: {team: db}, description: a person}
spec:
  roles: [admin]
  traits: {logins: [joe, root], groups: [ops]}
  status: {is_locked: yes, locked_message: x, locked_time: 0001-01-01T00:00:00Z, lock_expires: 2118-05-01T10:00:00Z}
  expires: 0001-01-01T00:00:00Z
  created_by: {time: 2018-05-01T10:00:00Z, user: {name: builtin-Admin}}
  github_identities: [{connector_id: github, username: joe@example.com}]
`;
const ROLE = `kind: role
version: v3
metadata: {name: dev}
spec:
  options: {max_session_ttl: 8h, forward_agent: true, client_idle_timeout: 1h30m, cert_format: standard}
  allow:
    logins: [ubuntu, '{{internal.logins}}']
    node_labels: {env: staging, zone: [a, b]}
    rules:
    - {resources: [role], verbs: [list], where: 'contains(user.spec.traits["groups"], "ops")'}
  deny: {logins: [root]}
`;
const OTHERS = `kind: github
version: v3
metadata: {name: github}
spec:
  client_id: abc
  client_secret: "0123"
  redirect_url: https://gw.example.com/v1/webapi/github/callback
  teams_to_logins: [{organization: o, team: t, logins: [root]}]
---
{"kind": "token", "version": "v2", "metadata": {"name": "x", "expires": "2118-05-01T10:00:00Z"},
 "spec": {"token": "0123456789", "roles": ["node", "trusted_cluster"]}}
...
--- {kind: trusted_cluster, version: v2, metadata: {name: east}, spec: {enabled: off, tunnel_addr: a, web_proxy_addr: b}}
---
- kind: cert_authority
  version: v2
  metadata: {name: main}
  spec: {type: host, cluster_name: main, checking_keys: [], signing_keys: null, rotation: {state: standby}}
`;
const SAML = `kind: saml
version: v2
metadata: {name: okta}
spec:
  acs: https://gw.example.com/v1/webapi/saml/acs
  entity_descriptor: "<EntityDescriptor/>"
  attributes_to_roles: [{name: groups, value: a, roles: [admin]}]
  signing_key_pair:
    private_key: |
      several
      lines
    cert: b
`;

/** Names that objects have anyway, misspelt ones, and ones that look like others. */
const NAMES = [
  ...["constructor", "__proto__", "prototype", "toString", "hasOwnProperty", "length", "valueOf"],
  ...["", " ", "rolez", "Spec", "spec ", "kind\u0000", "\u202espec", "spec.roles", "0", "ſpec"],
];
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1e300, "", "null", "\u0000", "x".repeat(5000), [], {}, [null], [[]], {
    a: {},
  }],
  ...[
    "0001-01-01T00:00:00Z",
    "9999-99-99T99:99:99Z",
    "8h",
    "99999999999h",
    "-1h",
    "yes",
    "{{internal.logins}}",
  ],
];

type Container = Record<string, unknown> | unknown[];

const isContainer = (value: unknown): value is Container => typeof value === "object" && value !== null;

function containers(value: unknown): Container[] {
  return isContainer(value) ? [value, ...Object.values(value).flatMap(containers)] : [];
}

/** Adds, drops or replaces something somewhere. */
function disturb(tree: unknown, random: Random): void {
  const at = random.pick(containers(tree));
  const keys = Object.keys(at);
  const name = random.once(3) || keys.length === 0 ? random.pick(NAMES) : random.pick(keys);
  if (random.once(4)) Reflect.deleteProperty(at, name);
  else if (Array.isArray(at)) at.push(structuredClone(random.pick(VALUES)));
  else {Object.defineProperty(at, name, {
      value: structuredClone(random.pick(VALUES)),
      enumerable: true,
      configurable: true,
      writable: true,
    });}
}

/** Every field with a value must be in what was made of it. */
function requireWhole(given: unknown, made: unknown, path: string): void {
  if (!isContainer(given) || !isContainer(made)) return;
  if (Array.isArray(given) && Array.isArray(made) && given.length !== made.length) {
    throw new Error(`${path} has lost an entry`);
  }
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    if (!Object.hasOwn(made, key)) throw new Error(`${path}.${key} was dropped without a word`);
    requireWhole(value, made[key as keyof Container], `${path}.${key}`);
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export const resourceTargets: FuzzTarget[] = [
  {
    name: "resource_files",
    seeds: () => text(USER, ROLE, OTHERS, SAML, `${USER}---\n${ROLE}`),
    run(input) {
      for (const { tree, parsed } of checkDocuments(decode(input), "file")) {
        requireWhole(tree, parsed, "document");
        shownAs(parsed, 0);
      }
    },
  },
  {
    name: "resource_documents",
    seeds: () =>
      text(USER, ROLE, OTHERS, SAML).flatMap((one) =>
        checkDocuments(decode(one), "seed").map(({ tree }) => new TextEncoder().encode(JSON.stringify(tree)))
      ),
    run(input, random) {
      const tree: unknown = parsed(decode(input)) ?? parsed(decode(random.pick(this.seeds())));
      for (let changes = random.below(4); changes > 0 && isContainer(tree); changes--) disturb(tree, random);
      const checked = checkDocument(tree);
      if (!("document" in checked)) return;
      requireWhole(tree, checked.document, "document");
      shownAs(checked.document, 0);
    },
  },
];
