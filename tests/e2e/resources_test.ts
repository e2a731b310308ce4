import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { documents, ResourceDesk } from "../kit/resources.ts";
import { eventually, type Result, runProgram } from "../kit/run.ts";

const CONNECTORS = {
  trusted_cluster: `kind: trusted_cluster
version: v2
metadata: {name: east}
spec:
  enabled: false
  token: 0123-secret-token
  tunnel_addr: east.example.com:3024
  web_proxy_addr: east.example.com:3080
  role_map: [{remote: admin, local: [admin]}]
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
  entity_descriptor_url: https://idp.example.com/metadata
  attributes_to_roles: [{name: groups, value: okta-admin, roles: [admin]}]
`,
};

let cluster: Daemon;
let desk: ResourceDesk;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start({ node: { labels: { role: "master" } } });
  desk = await ResourceDesk.open(cluster);
});

Deno.test.afterAll(() => cluster.stop());

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
    const path = await desk.file(`${kind}.yaml`, CONNECTORS[kind]);
    const { code, stdout, stderr } = await cluster.tctl("create", path);
    assertEquals([code, stdout], [0, `${created}\n`], stderr);
    assertEquals(stderr, "");
    assertStringIncludes(await desk.refused("create", path), "already exists");
    assertEquals((await cluster.tctl("create", "-f", path)).code, 0);
    const plain = await cluster.tctlOk("get", plural);
    assertEquals(plain.includes("secret"), false, "secrets are shown only when they are asked for");
    assertEquals(plain, await cluster.tctlOk("get", one));
    const secret = await cluster.tctlOk("get", one, "--with-secrets");
    assertStringIncludes(secret, kind === "saml" ? "BEGIN PRIVATE KEY" : "secret");

    // What was read without secrets is written back with the secrets as they were.
    const edited = await desk.file(`${kind}-edited.yaml`, plain.replace(/^(spec:)$/m, "$1"));
    await cluster.tctl("create", "-f", edited);
    assertEquals(await cluster.tctlOk("get", one, "--with-secrets"), secret);
    assertEquals((await cluster.tctl("get", plural, "--format=text")).code, 0);
    assertEquals(await cluster.tctlOk("rm", one), `${removed} has been deleted\n`);
    assertStringIncludes(await desk.refused("get", one), "does not exist");
    assertStringIncludes(await desk.refused("rm", one), "does not exist");
  }
  await cluster.tctl("create", `${desk.folder}/github.yaml`);
  await cluster.tctl("create", `${desk.folder}/oidc.yaml`);
  const connectors = documents(await cluster.tctlOk("get", "connectors"));
  assertEquals(connectors.map(({ kind }) => kind), ["github", "oidc"]);
  assertEquals(await cluster.tctlOk("rm", "connectors/corp"), "OIDC Connector corp has been deleted\n");
  await cluster.tctlOk("rm", "github/github");
  assertStringIncludes(await desk.refused("rm", "cluster"), "provide a full resource name to delete");
});

Deno.test("tctl create reads JSON, lists and standard input as well", async () => {
  const spec = {
    client_id: "1",
    redirect_url: "https://gw.example.com/v1/webapi/github/callback",
    teams_to_logins: [],
  };
  const one = (name: string) => ({ kind: "github", version: "v3", metadata: { name }, spec });
  const stdin = JSON.stringify([one("json-a"), one("json-b")], undefined, "\t");
  const { code, stdout, stderr } = await runProgram("tctl", ["-c", cluster.configFile, "create", "-"], {
    env: { HOME: cluster.directory },
    stdin,
  });
  assertEquals(code, 0, stderr);
  assertEquals(
    stdout,
    'authentication connector "json-a" has been created\nauthentication connector "json-b" has been created\n',
  );
  const dumped = await desk.file(
    "dumped.json",
    await cluster.tctlOk("get", "github/json-a", "--format=json"),
  );
  assertStringIncludes((await cluster.tctl("create", "-f", dumped)).stdout, "is the same as before");
  for (const name of ["json-a", "json-b"]) await cluster.tctlOk("rm", `github/${name}`);
  const twice = await desk.file("twice.yaml", `${CONNECTORS.github}---\n${CONNECTORS.oidc}`);
  await cluster.tctl("create", `${desk.folder}/oidc.yaml`);
  const partly = await cluster.tctl("create", twice);
  assertEquals([partly.code, partly.stdout.includes('"github" has been created')], [1, true]);
  assertMatch(
    partly.stderr,
    /error: document 2: OIDC connector 'corp' already exists[^]*1 of 2 resources could not/,
  );
  for (const one of ["github/github", "oidc/corp"]) await cluster.tctlOk("rm", one);
});

Deno.test("without kind, version or name a resource is refused, and the field is named", async () => {
  for (
    const [field, pattern] of [["kind", /^kind: .*\n/m], ["version", /^version: .*\n/m], [
      "name",
      /\{name: east\}/,
    ]] as const
  ) {
    const path = await desk.file(
      "lacking.yaml",
      CONNECTORS.trusted_cluster.replace(pattern, field === "name" ? "{}" : ""),
    );
    const text = await desk.refused("create", path);
    assertMatch(
      text,
      new RegExp(`lacking\\.yaml:\\d+:\\d+: ${field === "name" ? "metadata\\.name" : field} is missing`),
    );
  }
  assertStringIncludes(
    await desk.refused("create", await desk.file("empty.yaml", "# nothing\n---\n")),
    "no resources found, empty input?",
  );
  assertStringIncludes(await desk.refused("create", `${desk.folder}/none.yaml`), "there is no file");
});

Deno.test("an unknown field is refused with its place and the nearest known one, before anything is written", async () => {
  const path = await desk.file(
    "slips.yaml",
    `${CONNECTORS.github}---\n${
      CONNECTORS.trusted_cluster.replace("tunnel_addr", "tunel_addr").replace(
        "enabled: false",
        "enabled: maybe",
      )
    }`,
  );
  const text = await desk.refused("create", "-f", path);
  assertMatch(text, /slips\.yaml:15:3: document 2: spec\.enabled: expected true or false/);
  assertMatch(
    text,
    /slips\.yaml:17:3: document 2: unknown field "tunel_addr" in spec; did you mean "tunnel_addr"\?/,
  );
  assertEquals(text.includes("0123-secret-token"), false);
  await desk.refused("get", "cluster/east");
});

Deno.test("settings of the configuration file are shown, and refused by tctl create with a hint to the file", async () => {
  for (const kind of ["cluster_auth_preference", "cluster_config", "cluster_name", "static_tokens"]) {
    const text = await cluster.tctlOk("get", kind);
    assertMatch(text, new RegExp(`^kind: ${kind}$`, "m"));
    const message = await desk.refused("create", "-f", await desk.file("setting.yaml", text));
    assertStringIncludes(message, `creating resources of type "${kind}" is not supported`);
    assertMatch(message, /configuration file \(auth_service/);
    assertStringIncludes(
      await desk.refused("rm", `${kind}/${kind.replaceAll("_", "-")}`),
      "is not supported",
    );
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
    await desk.refused("rm", `node/${listed.id}`),
    'deleting resources of type "node" is not supported',
  );
  assertEquals(documents(await cluster.tctlOk("get", "proxies,auth")).length, 2);
});

Deno.test("any resource can expire, and is gone after it", async () => {
  const soon = new Date(Date.now() + 5000).toISOString();
  const path = await desk.file(
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
  const late = await desk.file(
    "late.yaml",
    CONNECTORS.oidc.replace("{name: corp}", "{name: late, expires: 2018-05-01T10:00:00Z}"),
  );
  assertStringIncludes(await desk.refused("create", late), "lies in the past");
});

Deno.test("a change to a record that somebody else has changed is refused; without a revision the last one wins", async () => {
  const path = await desk.file(
    "conflict.yaml",
    CONNECTORS.github.replace("{name: github}", "{name: conflict}"),
  );
  await cluster.tctlOk("create", path);
  const mine = await cluster.tctlOk("get", "github/conflict");
  const theirs = await desk.file("theirs.yaml", mine.replace("display: Github", "display: Theirs"));
  await cluster.tctlOk("create", "-f", theirs);
  const late = await desk.file("mine.yaml", mine.replace("display: Github", "display: Mine"));
  assertStringIncludes(await desk.refused("create", "-f", late), "was changed meanwhile: get it anew");
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
  const path = await desk.file(`editor-${crypto.randomUUID()}`, `#!/bin/sh\n${script}\n`);
  await Deno.chmod(path, 0o700);
  return { EDITOR: path, VISUAL: "" };
}

function edit(one: string, env: Record<string, string>): Promise<Result> {
  return runProgram("tctl", ["-c", cluster.configFile, "edit", one], {
    env: { HOME: cluster.directory, TMPDIR: desk.folder, ...env },
  });
}

Deno.test("tctl edit writes what the editor leaves, nothing when it is unchanged, and asks again when it is wrong", async () => {
  await cluster.tctlOk(
    "create",
    await desk.file("edit.yaml", CONNECTORS.github.replace("{name: github}", "{name: edit}")),
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
  assertEquals([...Deno.readDirSync(desk.folder)].filter(({ name }) => name.startsWith("tctl-edit-")), []);
});

Deno.test("looking at secrets and changing resources is in the audit log with who, whence and what", async () => {
  const path = await desk.file("noted.yaml", CONNECTORS.saml.replace("{name: okta}", "{name: noted}"));
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
