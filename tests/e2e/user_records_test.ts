import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { documents, ResourceDesk } from "../kit/resources.ts";
import { run } from "../kit/run.ts";

let cluster: Daemon;
let desk: ResourceDesk;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start();
  await cluster.user("joe", [LOGIN, "joe"]);
  desk = await ResourceDesk.open(cluster);
});

Deno.test.afterAll(() => cluster.stop());

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
  assertStringIncludes(await desk.refused("get", "user/nobody"), 'user "nobody" does not exist');
  assertStringIncludes(await desk.refused("get"), "specify resource to list, e.g. 'tctl get roles'");
  assertStringIncludes(await desk.refused("get", "usres"), '"usres" is not supported; did you mean "users"?');
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
  const path = `${desk.folder}/round.yaml`;
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
  const path = `${desk.folder}/editor.yaml`;
  const record = (await cluster.tctlOk("get", "user/editor")).replace(
    /logins:\n {6}- .*\n/,
    "logins: [a, b]\n",
  );
  await Deno.writeTextFile(path, record);
  assertStringIncludes(await desk.refused("create", path), "user 'editor' already exists");
  assertEquals(await cluster.tctlOk("create", "-f", path), "user 'editor' has been updated\n");
  await user.loginOk();
  const shown = await run("ssh-keygen", ["-L", "-f", `${user.keyFile}-cert.pub`]);
  assertMatch(shown.stdout, /Principals: *\n +a\n +b\n/);
  const list = await cluster.tctlOk("users", "ls");
  assertMatch(list, /^editor +a,b\b/m);
});

Deno.test("is_locked keeps a user with the right password out, and false lets him in again", async () => {
  const user = await cluster.user("locked", [LOGIN]);
  const path = `${desk.folder}/locked.yaml`;
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
  await desk.refused("users", "lock", "nobody");
});

Deno.test("tctl users reset ends the old password and code at once; the link sets new ones", async () => {
  const user = await cluster.user("forgetful", [LOGIN]);
  const { url } = JSON.parse(await cluster.tctlOk("users", "reset", "forgetful", "--format=json"));
  assertEquals((await user.login()).code, 1, "the old password and code are void");
  const again = await cluster.signUp("forgetful", url);
  await again.loginOk();
  assert(user.authenticator.secret !== again.authenticator.secret);
  assertMatch(await cluster.tctlOk("users", "ls"), new RegExp(`^forgetful +${LOGIN}\\b`, "m"));
  assertStringIncludes(await desk.refused("users", "reset", "nobody"), 'user "nobody" does not exist');
});

Deno.test("tctl users add and update take roles, which must exist", async () => {
  const path = await desk.file(
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
    await desk.refused("users", "add", "eve", "--roles=kitchen"),
    '"kitchen", which does not exist',
  );
  assertStringIncludes(
    await desk.refused("users", "update", "dora", "--set-roles=kitchen"),
    "does not exist",
  );
  await desk.refused("users", "update", "dora");
  assertStringIncludes(await desk.refused("rm", "role/auditor"), 'role "auditor" is in use by dora');
  await cluster.tctlOk("users", "rm", "dora");
  assertEquals(await cluster.tctlOk("rm", "roles/auditor"), "role auditor has been deleted\n");
  assertStringIncludes(await desk.refused("rm", "role/admin"), "built in");
  assertMatch(await cluster.tctlOk("get", "roles"), /^ {2}name: admin$/m);
  assertMatch(
    await cluster.tctlOk("get", "roles", "--format=text"),
    /^Role +Allowed to login as +Node Labels +Access to resources\n/,
  );
});

Deno.test("tctl rm takes singular and plural, so that a user called admin can go", async () => {
  await cluster.user("admin", [LOGIN]);
  assertEquals(await cluster.tctlOk("rm", "users/admin"), "user admin has been deleted\n");
  assertStringIncludes(await desk.refused("rm", "user/admin"), 'user "admin" does not exist');
  assertMatch(await cluster.tctlOk("get", "roles"), /name: admin/);
  const removal = await cluster.event("user.delete", ({ name }) => name === "admin");
  assertEquals([removal.kind, removal.name, removal["addr.remote"]], ["user", "admin", "127.0.0.1"]);
});
