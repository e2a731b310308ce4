import { assert, assertEquals, assertRejects } from "@std/assert";
import { HOUR } from "../../src/base/duration.ts";
import { AppError } from "../../src/base/errors.ts";
import { DEFAULT_OPTIONS, NO_CONDITIONS } from "../../src/model/admin_role.ts";
import { EXTENSION } from "../../src/model/authority.ts";
import type { Conditions, Role } from "../../src/model/role.ts";
import type { User } from "../../src/model/user.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { putResources, putUsers } from "../kit/admin.ts";
import { type AuthFixture, startAuth } from "../kit/auth_fixture.ts";
import { OwnCluster } from "../kit/certified_user.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually, run } from "../kit/run.ts";

const role = (name: string, allow: Partial<Conditions>): Role => ({
  name,
  options: DEFAULT_OPTIONS,
  allow: { ...NO_CONDITIONS, ...allow },
  deny: NO_CONDITIONS,
});
const BOSS = role("boss", { rules: [{ resources: ["*"], verbs: ["*"] }] });

async function withBoss(): Promise<AuthFixture> {
  const fixture = await startAuth();
  await fixture.auth.roles.put(BOSS, "absent");
  return fixture;
}

const userDocument = (roles: string[]) => ({
  kind: "user",
  version: "v2",
  metadata: { name: "joe" },
  spec: { roles, traits: { logins: ["root"] } },
});
const roleDocument = {
  kind: "role",
  version: "v3",
  metadata: { name: "mine" },
  spec: { allow: { logins: ["root"], node_labels: { "*": "*" } } },
};

Deno.test("a user with the built-in role cannot raise the own rights by any call", async () => {
  await using fixture = await withBoss();
  const { api } = await fixture.connectUser("joe");
  const put = (document: Record<string, unknown>) => api.call("resources.put", { document, mode: "replace" });
  const tries = [
    () => api.call("users.update", { name: "joe", roles: ["boss"] }),
    () => api.call("users.update", { name: "joe", logins: ["root"] }),
    () => put(userDocument(["boss"])),
    () => put(roleDocument),
    () => put({ ...roleDocument, metadata: { name: "admin" } }),
    () => put({ ...roleDocument, metadata: { name: "boss" } }),
    () => api.call("resources.remove", { kind: "user", name: "ann" }),
    () => api.call("resources.get", { kind: "cert_authority", name: fixture.cluster, withSecrets: true }),
    () => api.call("users.invite", { name: "twin", logins: ["root"], roles: ["boss"] }),
    () => api.call("users.reset", { name: "joe" }),
    () => api.call("users.unlock", { name: "joe" }),
    () => api.call("tokens.create", { roles: ["auth"] }),
    () => api.call("tokens.list", {}),
    () => api.call("access.get", {}),
  ];
  const before = await fixture.auth.users.get("joe");
  for (const attempt of tries) {
    const error = await assertRejects(attempt, AppError, undefined, String(attempt));
    assertEquals(error.code, "access_denied", `${attempt}: ${error.message}`);
  }
  assertEquals(await fixture.auth.users.get("joe"), before);
  assertEquals((await fixture.auth.roles.list()).map(({ role }) => role.name), ["admin", "boss"]);
});

Deno.test("a role that is taken away is gone at once, also on a connection that stands", async () => {
  await using fixture = await withBoss();
  const { api } = await fixture.connectUser("joe", ["boss"]);
  assert((await api.call("users.list", {})).length > 0);
  await fixture.putUser("joe", ["admin"]);
  await assertRejects(() => api.call("users.list", {}), AppError, "may not call users.list");
  await fixture.putUser("joe", ["boss"]);
  await api.call("users.list", {});
  await fixture.auth.roles.remove("boss");
  await assertRejects(() => api.call("users.list", {}), AppError, "may not call users.list");
});

Deno.test("a certificate's role counts only if the user's record has it too", async () => {
  await using fixture = await withBoss();
  const claims = [["boss"], ["admin", "boss"], ["boss", "boss"]];
  for (const roles of claims) {
    await fixture.putUser("joe", ["admin"]);
    const extensions = { [EXTENSION.roles]: JSON.stringify({ version: "v1", roles }) };
    const { api } = await fixture.connect(fixture.userLogin("joe", { extensions }));
    await assertRejects(() => api.call("users.list", {}), AppError, "may not call users.list");
  }
  await fixture.putUser("joe", ["admin", "boss"]);
  const earlier = { [EXTENSION.roles]: JSON.stringify({ version: "v1", roles: ["admin"] }) };
  const { api } = await fixture.connect(fixture.userLogin("joe", { extensions: earlier }));
  await assertRejects(() => api.call("users.list", {}), AppError, "may not call users.list");
});

Deno.test("a user who is locked, expired or removed may do nothing with a valid certificate", async () => {
  await using fixture = await withBoss();
  const now = fixture.clock.now();
  const changes: [Partial<User>, string][] = [
    [{ lock: { message: "on leave", since: now } }, "locked: on leave"],
    [{ lock: { message: "", since: now, until: now + HOUR } }, "locked"],
    [{ expires: now - 1 }, "expired"],
  ];
  for (const [change, why] of changes) {
    const { api } = await fixture.connectUser("joe", ["boss"]);
    await api.call("cluster.get", {});
    await fixture.putUser("joe", ["boss"], change);
    for (const method of ["cluster.get", "users.list", "changes.watch"] as const) {
      await assertRejects(() => api.call(method, {}), AppError, why);
    }
  }
  const { api } = await fixture.connectUser("joe", ["boss"]);
  await fixture.auth.users.remove("joe");
  await assertRejects(() => api.call("cluster.get", {}), AppError, "does not exist any more");
  const [event] = await fixture.eventually("auth");
  assertEquals([event?.success, event?.user], [false, "joe"]);
});

Deno.test("no trait makes a template give more than one login, or an unsafe one", async () => {
  await using fixture = await startAuth();
  const { roles, issuer } = fixture.auth;
  const allow = { logins: ["{{external.unix}}", "x-{{external.unix}}"], nodeLabels: { "*": ["*"] } };
  await roles.put(role("unix", allow), "absent");
  const unix = [
    "web,root",
    "web root",
    "web\nroot",
    "root\0",
    "*",
    "",
    "-oProxyCommand",
    "../root",
    "we\u0301b",
    "web",
  ];
  const user = {
    name: "joe",
    roles: ["unix"],
    traits: { unix, logins: ["root"] },
    created: 0,
    createdBy: "test",
  };
  const certificate = await issuer.forUser(user, generateKey().publicKey.toLine());
  assertEquals(certificate.principals, ["web", "x-", "x--oProxyCommand", "x-web"]);
});

Deno.test("a rule with a where opens what it names and nothing else", async () => {
  await using fixture = await startAuth();
  const where = 'contains(session.parties, "ann")';
  await fixture.auth.roles.put(
    role("watch-ann", { rules: [{ resources: ["session"], verbs: ["list"], where }] }),
    "absent",
  );
  const sessions = { ann: crypto.randomUUID(), bob: crypto.randomUUID() };
  for (const [user, sid] of Object.entries(sessions)) {
    await fixture.files.append(
      `/log/sessions/default/${sid}.session.log`,
      `{"event":"session.start","user":"${user}"}\n`,
    );
  }
  const { api } = await fixture.connectUser("joe", ["watch-ann"]);
  assertEquals((await api.call("recordings.list", {})).map(({ sid }) => sid), [sessions.ann]);
  const read = () => api.call("recordings.read", { sid: sessions.ann, part: "log", offset: 0, length: 9 });
  const error = await assertRejects(read, AppError);
  assertEquals(error.code, "not_found", "listing is not reading");
});

Deno.test("proxy and node believe the record, not the certificate, and refuse who is not there any more", async () => {
  await using own = await OwnCluster.start();
  await putResources(own.daemon, { ...roleDocument, spec: {}, metadata: { name: "nothing" } });
  const joe = await own.user("joe", [LOGIN], ["pty"]);
  assertEquals((await joe.ssh([], ["echo in"])).stdout, "in\n");
  await putUsers(own.daemon, { name: "joe", logins: [LOGIN], roles: ["nothing"] });
  const refused = (error: string) =>
    own.daemon.event("auth", (event) => event.success === false && String(event.error).includes(error));

  await eventually("the node to hear of it", async () => {
    const { code, stdout } = await joe.ssh([], ["echo in"]);
    return code === 255 && stdout === "" || undefined;
  });
  await assertRejects(() => own.connect(joe), AppError);
  await refused(`user joe@main is not authorized to login as ${LOGIN}@main: the user has no role`);

  const atProxy = () =>
    run("ssh", [...joe.options, "-p", `${joe.proxyPort}`, `${LOGIN}@127.0.0.1`, "-s", "proxysites"]);
  assertEquals((await atProxy()).code, 0);
  await own.daemon.tctlOk("users", "rm", "joe");
  const gone = async () => (await atProxy()).stderr.includes("Permission denied") || undefined;
  await eventually("the proxy to hear of it", gone);
  await assertRejects(() => own.connect(joe), AppError);
  await refused("the user does not exist any more");
});
