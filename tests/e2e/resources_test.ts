import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually, type Result, run, runProgram } from "../kit/run.ts";
import type { User } from "../kit/user.ts";

let cluster: Daemon;
let joe: User;
let files: string;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start({ node: { labels: { role: "master" } } });
  joe = await cluster.user("joe", [LOGIN, "joe"]);
  files = `${cluster.directory}/resources`;
  await Deno.mkdir(files);
});

Deno.test.afterAll(() => cluster.stop());

/** Writes a resource file. @returns its path */
async function file(name: string, text: string): Promise<string> {
  const path = `${files}/${name}`;
  await Deno.writeTextFile(path, text);
  return path;
}

/** Runs tctl, which must fail with a message and no output. */
async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.tctl(...args);
  assertEquals([code, stdout], [1, ""], `tctl ${args.join(" ")}: ${stderr}`);
  assertMatch(stderr, /^error: /);
  return stderr;
}

interface Resource {
  kind: string;
  metadata: Record<string, unknown>;
  spec: Record<string, unknown>;
}

/** The documents of a YAML text. */
function documents(text: string): Resource[] {
  return text.split(/^---\n/m).filter(Boolean).map((part) => parse(part) as Resource);
}

/** All keys of a value, as paths. */
function keysOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [path];
  if (Array.isArray(value)) return [`${path}[]`];
  return Object.entries(value).flatMap(([key, part]) => keysOf(part, path === "" ? key : `${path}.${key}`));
}

const minutesFromNow = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

Deno.test("tctl get users lists every record as YAML, tctl get user/joe one of them", async () => {
  await cluster.user("lister");
  const all = documents(await cluster.tctlOk("get", "users"));
  assert(all.every(({ kind }) => kind === "user"));
  const names = all.map(({ metadata }) => metadata.name);
  assert(names.includes("joe") && names.includes("lister"));
  const text = await cluster.tctlOk("get", "user/joe");
  assertEquals(text.includes("{"), false, "YAML is the default, not JSON");
  const [one, ...more] = documents(text);
  assertEquals([one?.kind, more.length], ["user", 0]);
  assertEquals(JSON.parse(await cluster.tctlOk("get", "user/joe", "--format=json")), one);
  assertEquals(JSON.parse(await cluster.tctlOk("get", "users", "--format=json")).length, all.length);
  assertMatch(await cluster.tctlOk("get", "users", "--format=text"), /^User\n----\njoe\nlister\n/);
  assertStringIncludes(await refused("get", "user/nobody"), 'user "nobody" does not exist');
  assertStringIncludes(await refused("get"), "specify resource to list, e.g. 'tctl get roles'");
  assertStringIncludes(await refused("get", "usres"), '"usres" is not supported; did you mean "users"?');
});

Deno.test("a user's record has the manual's shape: roles, status, traits, expires and created_by builtin-Admin", async () => {
  const [record] = documents(await cluster.tctlOk("get", "user/joe"));
  assertEquals(keysOf(record).toSorted(), [
    "kind",
    "metadata.name",
    "metadata.revision",
    "spec.created_by.time",
    "spec.created_by.user.name",
    "spec.expires",
    "spec.roles[]",
    "spec.status.is_locked",
    "spec.status.lock_expires",
    "spec.status.locked_time",
    "spec.traits.logins[]",
    "version",
  ]);
  const { roles, status, created_by: by, expires } = record?.spec ?? {};
  assertEquals([roles, expires], [["admin"], "0001-01-01T00:00:00Z"]);
  assertEquals(status, {
    is_locked: false,
    locked_time: "0001-01-01T00:00:00Z",
    lock_expires: "0001-01-01T00:00:00Z",
  });
  assertEquals((by as { user: unknown }).user, { name: "builtin-Admin" });
});

Deno.test("get, create -f and get again give the same text, reserved fields included", async () => {
  await cluster.user("round");
  const path = `${files}/round.yaml`;
  const full = (await cluster.tctlOk("get", "user/round"))
    .replace("metadata:\n", "metadata:\n  description: a person\n  labels: {team: db}\n")
    .replace(
      / {2}status:\n {4}is_locked: false\n.*\n.*\n/,
      [
        "  status:",
        "    is_locked: true",
        "    locked_message: on leave",
        "    locked_time: 2018-05-01T10:00:00Z",
        "    lock_expires: 2118-05-01T10:00:00Z\n",
      ].join("\n"),
    ) +
    "  github_identities: [{connector_id: github, username: round@example.com}]\n";
  await Deno.writeTextFile(path, full);
  assertEquals(await cluster.tctlOk("create", "-f", path), "user 'round' has been updated\n");
  const before = await cluster.tctlOk("get", "user/round");
  for (
    const kept of [
      "a person",
      "team: db",
      "on leave",
      "2018-05-01T10:00:00Z",
      "2118-05-01T10:00:00Z",
      "round@example",
    ]
  ) assertStringIncludes(before, kept);
  await Deno.writeTextFile(path, before);
  assertEquals(await cluster.tctlOk("create", "-f", path), "user 'round' is the same as before\n");
  assertEquals(await cluster.tctlOk("get", "user/round"), before);
});

Deno.test("tctl create -f of an edited record changes the logins of the next certificate", async () => {
  const user = await cluster.user("editor", [LOGIN]);
  const path = `${files}/editor.yaml`;
  const record = (await cluster.tctlOk("get", "user/editor")).replace(
    /logins:\n {6}- .*\n/,
    "logins: [a, b]\n",
  );
  await Deno.writeTextFile(path, record);
  assertStringIncludes(await refused("create", path), "user 'editor' already exists");
  assertEquals(await cluster.tctlOk("create", "-f", path), "user 'editor' has been updated\n");
  await user.loginOk();
  const shown = await run("ssh-keygen", ["-L", "-f", `${user.keyFile}-cert.pub`]);
  assertMatch(shown.stdout, /Principals: *\n +a\n +b\n/);
  const list = await cluster.tctlOk("users", "ls");
  assertMatch(list, /^editor +a,b\b/m);
});

Deno.test("is_locked keeps a user with the right password out, and false lets him in again", async () => {
  const user = await cluster.user("locked", [LOGIN]);
  const path = `${files}/locked.yaml`;
  const open = await cluster.tctlOk("get", "user/locked");
  const status = (locked: boolean) =>
    open.replace(/ {2}revision:.*\n/, "").replace(
      /is_locked: false\n.*\n.*\n/,
      `is_locked: ${locked}\n    locked_time: 2018-05-01T10:00:00Z\n    lock_expires: ${
        minutesFromNow(60)
      }\n`,
    );
  await Deno.writeTextFile(path, status(true));
  await cluster.tctlOk("create", "-f", path);
  assertMatch(
    await cluster.tctlOk("get", "user/locked"),
    /is_locked: true\n +locked_time: '2018-05-01T10:00:00Z'/,
  );
  const kept = await user.login();
  assertEquals(kept.code, 1);
  assertMatch(await cluster.tctlOk("users", "ls"), /^locked .* until \d\d /m);
  await Deno.writeTextFile(path, status(false));
  await cluster.tctlOk("create", "-f", path);
  await user.loginOk();
});

Deno.test("tctl users lock and unlock, also after failed logins", async () => {
  const user = await cluster.user("lockable", [LOGIN]);
  assertMatch(
    await cluster.tctlOk("users", "lock", "lockable", "--message=lost laptop", "--ttl=2h"),
    /^User 'lockable' has been locked until \d\d \w{3} \d\d \d\d:\d\d UTC\n$/,
  );
  assertStringIncludes(await cluster.tctlOk("users", "ls"), "lost laptop");
  assertEquals((await user.login()).code, 1);
  assertEquals(await cluster.tctlOk("users", "unlock", "lockable"), "User 'lockable' has been unlocked\n");
  for (let i = 0; i < 5; i++) {
    await user.tsh(["login", `--proxy=${user.options.proxy}`, "--user=lockable", "--insecure"], {
      stdin: "a wrong password\n000000\n",
    });
  }
  assertMatch(await cluster.tctlOk("users", "ls"), /^lockable .*too many failed logins/m);
  assertStringIncludes(await cluster.tctlOk("get", "user/lockable"), "is_locked: true");
  await cluster.tctlOk("users", "unlock", "lockable");
  assertStringIncludes(await cluster.tctlOk("get", "user/lockable"), "is_locked: false");
  await user.loginOk();
  await refused("users", "lock", "nobody");
});

Deno.test("tctl users reset ends the old password and code at once; the link sets new ones", async () => {
  const user = await cluster.user("forgetful", [LOGIN]);
  const { url } = JSON.parse(await cluster.tctlOk("users", "reset", "forgetful", "--format=json"));
  assertEquals((await user.login()).code, 1, "the old password and code are void");
  const again = await cluster.signUp("forgetful", url);
  await again.loginOk();
  assert(user.authenticator.secret !== again.authenticator.secret);
  assertMatch(await cluster.tctlOk("users", "ls"), new RegExp(`^forgetful +${LOGIN}\\b`, "m"));
  assertStringIncludes(await refused("users", "reset", "nobody"), 'user "nobody" does not exist');
});

Deno.test("tctl users add and update take roles, which must exist", async () => {
  const path = await file(
    "roles.yaml",
    [
      "kind: role",
      "version: v3",
      "metadata: {name: dev}",
      "spec: {allow: {logins: ['{{internal.logins}}'], node_labels: {env: staging}}}",
      "---",
      "kind: role",
      "version: v3",
      "metadata: {name: auditor}",
      "spec: {allow: {rules: [{resources: [session, event], verbs: [list, read]}]}}\n",
    ].join("\n"),
  );
  assertEquals(
    await cluster.tctlOk("create", path),
    "role 'dev' has been created\nrole 'auditor' has been created\n",
  );
  const text = await cluster.tctlOk("users", "add", "dora", "dora", "--roles=dev,auditor", "--format=json");
  await cluster.signUp("dora", JSON.parse(text).url);
  assertMatch(
    await cluster.tctlOk("users", "ls"),
    /^User +Allowed Logins +Roles\b[^]*^dora +dora +dev,auditor\b/m,
  );
  assertEquals(
    await cluster.tctlOk("users", "update", "dora", "--set-roles=auditor", "--set-logins=dora,ops"),
    "dora has been updated with roles auditor\ndora has been updated with logins dora,ops\n",
  );
  assertStringIncludes(
    await refused("users", "add", "eve", "--roles=kitchen"),
    '"kitchen", which does not exist',
  );
  assertStringIncludes(await refused("users", "update", "dora", "--set-roles=kitchen"), "does not exist");
  await refused("users", "update", "dora");
  assertStringIncludes(await refused("rm", "role/auditor"), 'role "auditor" is in use by dora');
  await cluster.tctlOk("users", "rm", "dora");
  assertEquals(await cluster.tctlOk("rm", "roles/auditor"), "role auditor has been deleted\n");
  assertStringIncludes(await refused("rm", "role/admin"), "built in");
  assertMatch(await cluster.tctlOk("get", "roles"), /^ {2}name: admin$/m);
  assertMatch(
    await cluster.tctlOk("get", "roles", "--format=text"),
    /^Role +Allowed to login as +Node Labels +Access to resources\n/,
  );
});

const CONNECTORS = {
  trusted_cluster: `kind: trusted_cluster
version: v2
metadata: {name: east}
spec:
  enabled: true
  token: 0123-secret-token
  tunnel_addr: east.example.com:3024
  web_proxy_addr: east.example.com:3080
  role_map: [{remote: admin, local: [dev]}]
`,
  github: `kind: github
version: v3
metadata: {name: github}
spec:
  client_id: abc
  client_secret: very-secret-value
  display: Github
  redirect_url: https://gw.example.com:3080/v1/webapi/github/callback
  teams_to_logins: [{organization: octocats, team: admins, logins: [root]}]
`,
  oidc: `kind: oidc
version: v2
metadata: {name: corp}
spec:
  issuer_url: https://accounts.example.com
  client_id: abc
  client_secret: very-secret-value
  redirect_url: https://gw.example.com:3080/v1/webapi/oidc/callback
  acr_values: ""
  provider: ""
  display: Corp
  scope: [roles]
  claims_to_roles: [{claim: roles, value: admin, roles: [admin]}]
`,
  saml: `kind: saml
version: v2
metadata: {name: okta}
spec:
  acs: https://gw.example.com:3080/v1/webapi/saml/acs
  display: Okta
  entity_descriptor: "<EntityDescriptor .../>"
  attributes_to_roles: [{name: groups, value: okta-admin, roles: [admin]}]
  signing_key_pair: {private_key: very-secret-value, cert: ""}
`,
};

Deno.test("trusted clusters and github, oidc and saml connectors are created, read and deleted", async () => {
  const cases = [
    [
      "trusted_cluster",
      "clusters",
      "cluster/east",
      'trusted cluster "east" has been created',
      'trusted cluster "east"',
    ],
    [
      "github",
      "github",
      "github/github",
      'authentication connector "github" has been created',
      'github connector "github"',
    ],
    ["oidc", "oidc", "oidc/corp", 'authentication connector "corp" has been created', "OIDC Connector corp"],
    ["saml", "saml", "saml/okta", 'authentication connector "okta" has been created', "SAML Connector okta"],
  ] as const;
  for (const [kind, plural, one, created, removed] of cases) {
    const path = await file(`${kind}.yaml`, CONNECTORS[kind]);
    const { code, stdout, stderr } = await cluster.tctl("create", path);
    assertEquals([code, stdout], [0, `${created}\n`], stderr);
    assertMatch(stderr, /^WARNING: it is stored, but this version /);
    assertStringIncludes(await refused("create", path), "already exists");
    assertEquals((await cluster.tctl("create", "-f", path)).code, 0);
    const plain = await cluster.tctlOk("get", plural);
    assertEquals(plain.includes("secret"), false, "secrets are shown only when they are asked for");
    assertEquals(plain, await cluster.tctlOk("get", one));
    const secret = await cluster.tctlOk("get", one, "--with-secrets");
    assertStringIncludes(secret, "secret");

    // What was read without secrets is written back with the secrets as they were.
    const edited = await file(`${kind}-edited.yaml`, plain.replace(/^(spec:)$/m, "$1"));
    await cluster.tctl("create", "-f", edited);
    assertEquals(await cluster.tctlOk("get", one, "--with-secrets"), secret);
    assertEquals((await cluster.tctl("get", plural, "--format=text")).code, 0);
    assertEquals(await cluster.tctlOk("rm", one), `${removed} has been deleted\n`);
    assertStringIncludes(await refused("get", one), "does not exist");
    assertStringIncludes(await refused("rm", one), "does not exist");
  }
  await cluster.tctl("create", `${files}/github.yaml`);
  await cluster.tctl("create", `${files}/oidc.yaml`);
  const connectors = documents(await cluster.tctlOk("get", "connectors"));
  assertEquals(connectors.map(({ kind }) => kind), ["github", "oidc"]);
  assertEquals(await cluster.tctlOk("rm", "connectors/corp"), "OIDC Connector corp has been deleted\n");
  assertStringIncludes(await refused("rm", "cluster"), "provide a full resource name to delete");
});

Deno.test("without kind, version or name a resource is refused, and the field is named", async () => {
  for (
    const [field, pattern] of [["kind", /^kind: .*\n/m], ["version", /^version: .*\n/m], [
      "name",
      /\{name: east\}/,
    ]] as const
  ) {
    const path = await file(
      "lacking.yaml",
      CONNECTORS.trusted_cluster.replace(pattern, field === "name" ? "{}" : ""),
    );
    const text = await refused("create", path);
    assertMatch(
      text,
      new RegExp(`lacking\\.yaml:\\d+:\\d+: ${field === "name" ? "metadata\\.name" : field} is missing`),
    );
  }
  assertStringIncludes(
    await refused("create", await file("empty.yaml", "# nothing\n---\n")),
    "no resources found, empty input?",
  );
  assertStringIncludes(await refused("create", `${files}/none.yaml`), "there is no file");
});

Deno.test("an unknown field is refused with its place and the nearest known one, before anything is written", async () => {
  const path = await file(
    "slips.yaml",
    `${CONNECTORS.github}---\n${
      CONNECTORS.trusted_cluster.replace("tunnel_addr", "tunel_addr").replace(
        "enabled: true",
        "enabled: maybe",
      )
    }`,
  );
  const text = await refused("create", "-f", path);
  assertMatch(text, /slips\.yaml:15:3: document 2: spec\.enabled: expected true or false/);
  assertMatch(
    text,
    /slips\.yaml:17:3: document 2: unknown field "tunel_addr" in spec; did you mean "tunnel_addr"\?/,
  );
  assertEquals(text.includes("0123-secret-token"), false);
  await refused("get", "cluster/east");
});

Deno.test("settings of the configuration file are shown, and refused by tctl create with a hint to the file", async () => {
  for (const kind of ["cluster_auth_preference", "cluster_config", "cluster_name", "static_tokens"]) {
    const text = await cluster.tctlOk("get", kind);
    assertMatch(text, new RegExp(`^kind: ${kind}$`, "m"));
    const message = await refused("create", "-f", await file("setting.yaml", text));
    assertStringIncludes(message, `creating resources of type "${kind}" is not supported`);
    assertMatch(message, /configuration file \(auth_service/);
    assertStringIncludes(await refused("rm", `${kind}/${kind.replaceAll("_", "-")}`), "is not supported");
  }
  assertStringIncludes(await cluster.tctlOk("get", "cap"), "second_factor: otp");
});

Deno.test("tctl get nodes shows the same address, name and labels as tctl nodes ls", async () => {
  const [listed] = JSON.parse(await cluster.tctlOk("nodes", "ls", "--format=json"));
  const [node] = documents(await cluster.tctlOk("get", "nodes"));
  assertEquals(
    node?.metadata,
    { name: listed.id, namespace: "default", labels: { role: "master" } },
  );
  const { addr, hostname } = node?.spec ?? {};
  assertEquals([addr, hostname], [listed.address, listed.name]);
  assertEquals(documents(await cluster.tctlOk("get", `node/${listed.name}`)).length, 1);
  assertStringIncludes(
    await refused("rm", `node/${listed.id}`),
    'deleting resources of type "node" is not supported',
  );
  assertEquals(documents(await cluster.tctlOk("get", "proxies,auth")).length, 2);
});

Deno.test("any resource can expire, and is gone after it", async () => {
  const soon = new Date(Date.now() + 5000).toISOString();
  const path = await file(
    "fleeting.yaml",
    [
      "kind: user\nversion: v2",
      `metadata: {name: fleeting, expires: ${soon}}`,
      "spec: {roles: [admin], traits: {logins: [root]}}",
      "---",
      CONNECTORS.oidc.replace("{name: corp}", `{name: fleeting, expires: ${soon}}`),
    ].join("\n"),
  );
  await cluster.tctlOk("create", path);
  assertStringIncludes(await cluster.tctlOk("get", "user/fleeting"), `expires: '${soon}'`);
  assertEquals((await cluster.tctl("get", "oidc/fleeting")).code, 0);
  for (const one of ["user/fleeting", "oidc/fleeting"]) {
    await eventually(
      `${one} to be gone`,
      async () => (await cluster.tctl("get", one)).code === 1 || undefined,
    );
  }
  const late = await file(
    "late.yaml",
    CONNECTORS.oidc.replace("{name: corp}", "{name: late, expires: 2018-05-01T10:00:00Z}"),
  );
  assertStringIncludes(await refused("create", late), "lies in the past");
});

Deno.test("tctl rm takes singular and plural, so that a user called admin can go", async () => {
  await cluster.user("admin", [LOGIN]);
  assertEquals(await cluster.tctlOk("rm", "users/admin"), "user admin has been deleted\n");
  assertStringIncludes(await refused("rm", "user/admin"), 'user "admin" does not exist');
  assertMatch(await cluster.tctlOk("get", "roles"), /name: admin/);
  const removal = await cluster.event("user.delete", ({ name }) => name === "admin");
  assertEquals([removal.kind, removal.name, removal["addr.remote"]], ["user", "admin", "127.0.0.1"]);
});

Deno.test("a change to a record that somebody else has changed is refused; without a revision the last one wins", async () => {
  const path = await file("conflict.yaml", CONNECTORS.github.replace("{name: github}", "{name: conflict}"));
  await cluster.tctlOk("create", path);
  const mine = await cluster.tctlOk("get", "github/conflict");
  const theirs = await file("theirs.yaml", mine.replace("display: Github", "display: Theirs"));
  await cluster.tctlOk("create", "-f", theirs);
  const late = await file("mine.yaml", mine.replace("display: Github", "display: Mine"));
  assertStringIncludes(await refused("create", "-f", late), "was changed meanwhile: get it anew");
  assertStringIncludes(await cluster.tctlOk("get", "github/conflict"), "display: Theirs");
  await Deno.writeTextFile(
    late,
    mine.replace("display: Github", "display: Mine").replace(/ {2}revision: .*\n/, ""),
  );
  await cluster.tctlOk("create", "-f", late);
  assertStringIncludes(await cluster.tctlOk("get", "github/conflict"), "display: Mine");
});

/** An editor that is a shell script; the file is `$1`. */
async function editor(script: string): Promise<Record<string, string>> {
  const path = await file(`editor-${crypto.randomUUID()}`, `#!/bin/sh\n${script}\n`);
  await Deno.chmod(path, 0o700);
  return { EDITOR: path, VISUAL: "" };
}

function edit(one: string, env: Record<string, string>): Promise<Result> {
  return runProgram("tctl", ["-c", cluster.configFile, "edit", one], {
    env: { HOME: cluster.directory, TMPDIR: files, ...env },
  });
}

Deno.test("tctl edit writes what the editor leaves, nothing when it is unchanged, and asks again when it is wrong", async () => {
  await cluster.tctlOk(
    "create",
    await file("edit.yaml", CONNECTORS.github.replace("{name: github}", "{name: edit}")),
  );
  const same = await edit("github/edit", { EDITOR: "true", VISUAL: "" });
  assertEquals([same.code, same.stdout], [0, "nothing was changed\n"]);
  const changed = await edit(
    "github/edit",
    await editor(`sed -i 's/display: Github/display: Octocats/' "$1"`),
  );
  assertEquals(
    [changed.code, changed.stdout],
    [0, 'authentication connector "edit" has been updated\n'],
    changed.stderr,
  );
  assertStringIncludes(await cluster.tctlOk("get", "github/edit", "--with-secrets"), "very-secret-value");

  // The first round leaves a slip; the second finds the complaint in the file and mends it.
  const mends = await edit(
    "github/edit",
    await editor(
      `if grep -q '^#: .*unknown field' "$1"; then sed -i 's/displai:/display:/' "$1"\n` +
        `else sed -i 's/display: Octocats/displai: Cats/' "$1"; fi`,
    ),
  );
  assertEquals(mends.code, 0, mends.stderr);
  assertStringIncludes(await cluster.tctlOk("get", "github/edit"), "display: Cats");
  const gives = await edit("github/edit", await editor(`sed -i 's/^  display:/  displai:/' "$1"`));
  assertEquals(gives.code, 1);
  assertMatch(gives.stderr, /nothing was changed, for this is still wrong: .*unknown field "displai"/);
  const renames = await edit("github/edit", await editor(`sed -i 's/name: edit/name: other/' "$1"`));
  assertStringIncludes(renames.stderr, "kind and metadata.name must stay");
  const fails = await edit("github/edit", { EDITOR: "false", VISUAL: "" });
  assertStringIncludes(fails.stderr, "the editor ended with status 1");
  assertEquals([...Deno.readDirSync(files)].filter(({ name }) => name.startsWith("tctl-edit-")), []);
});

Deno.test("looking at secrets and changing resources is in the audit log with who, whence and what", async () => {
  const path = await file("noted.yaml", CONNECTORS.saml.replace("{name: okta}", "{name: noted}"));
  await cluster.tctlOk("create", path);
  await cluster.tctlOk("get", "saml/noted", "--with-secrets");
  await Deno.writeTextFile(
    path,
    CONNECTORS.saml.replace("{name: okta}", "{name: noted}").replace("Okta", "Renamed"),
  );
  await cluster.tctlOk("create", "-f", path);
  await cluster.tctlOk("rm", "saml/noted");
  for (const name of ["resource.create", "resource.secrets", "resource.update", "resource.delete"]) {
    const event = await cluster.event(name, (one) => one.name === "noted");
    assertEquals([event.kind, event["addr.remote"]], ["saml", "127.0.0.1"], name);
    assertMatch(String(event.user), /^admin [0-9a-f-]{36}$/);
  }
  const log = JSON.stringify(await cluster.events());
  assertEquals(log.includes("very-secret-value"), false);
});

Deno.test("from another machine tctl goes through the proxy with a tsh login or an identity file, with the user's rights", async () => {
  await cluster.tctlOk(
    "create",
    await file(
      "operator.yaml",
      [
        "kind: role\nversion: v3",
        "metadata: {name: operator}",
        "spec:",
        "  allow:",
        "    logins: ['{{internal.logins}}']",
        "    node_labels: {'*': '*'}",
        "    rules:",
        "    - {resources: [user], verbs: [list, readnosecrets, update]}",
        "    - {resources: [token], verbs: ['*']}\n",
      ].join("\n"),
    ),
  );
  const text = await cluster.tctlOk("users", "add", "olga", LOGIN, "--roles=operator", "--format=json");
  const olga = await cluster.signUp("olga", JSON.parse(text).url);
  const home = olga.options.home;
  const far = (args: string[]) => runProgram("tctl", args, { env: { HOME: home, USER: "olga" } });

  const without = await far(["get", "users"]);
  assertEquals(without.code, 1);
  assertStringIncludes(without.stderr, "tctl must be used on the auth server");
  assertStringIncludes(without.stderr, "tsh login --proxy=HOST");

  await olga.loginOk();
  const users = await far(["get", "users"]);
  assertEquals(users.code, 0, users.stderr);
  assertStringIncludes(users.stdout, "name: joe");
  assertEquals((await far(["users", "lock", "joe"])).code, 0);
  assertEquals((await far(["users", "unlock", "joe"])).code, 0);
  const token = await far(["tokens", "add", "--type=node", "--format=json"]);
  assertEquals(token.code, 0, token.stderr);
  await cluster.event("user.lock", ({ user, by }) => user === "joe" && by === "olga");

  for (
    const args of [["get", "users", "--with-secrets"], ["rm", "user/joe"], ["get", "cas", "--with-secrets"]]
  ) {
    const denied = await far(args);
    assertEquals([denied.code, denied.stdout], [1, ""], args.join(" "));
    assertStringIncludes(denied.stderr, "olga may not");
  }
  const self = await file("self.yaml", "kind: role\nversion: v3\nmetadata: {name: root}\nspec: {}\n");
  assertStringIncludes((await far(["create", self])).stderr, "olga may not create a role");
  await cluster.event(
    "auth",
    ({ user, error }) => user === "olga" && String(error).includes("may not create a role"),
  );

  const identity = `${files}/olga.identity`;
  await olga.loginOk([`--out=${identity}`]);
  const { proxySsh } = await cluster.addresses();
  const proxy = `${olga.options.proxy},${proxySsh?.port}`;
  const elsewhere = (args: string[]) => runProgram("tctl", args, { env: { HOME: `${files}/nowhere` } });
  const byFile = await elsewhere([`--identity=${identity}`, `--proxy=${proxy}`, "get", "user/joe"]);
  assertEquals(byFile.code, 0, byFile.stderr);
  assertStringIncludes(byFile.stdout, "name: joe");
  assertStringIncludes((await elsewhere([`--identity=${identity}`, "status"])).stderr, "also name the proxy");
  assertStringIncludes((await elsewhere([`--proxy=${proxy}`, "status"])).stderr, "there is no valid login");
});
