import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { contract, type Input, type Method } from "../../src/api/contract.ts";
import { type CallContext, dispatch, type Handlers, type ServeOptions } from "../../src/api/serve.ts";
import { AppError } from "../../src/base/errors.ts";
import { AccessChecker } from "../../src/model/access.ts";
import { BUILT_IN_ROLES, DEFAULT_OPTIONS, NO_CONDITIONS } from "../../src/model/admin_role.ts";
import type { Role } from "../../src/model/role.ts";
import type { HostIdentity, Identity, SystemRole, UserIdentity } from "../../src/model/identity.ts";
import { startAuth } from "../kit/auth_fixture.ts";

const host = (role: SystemRole): HostIdentity => ({
  kind: "host",
  role,
  hostId: "00000000-0000-4000-8000-000000000001",
  cluster: "test.example.com",
});
const user = (roles: string[]): UserIdentity => ({
  kind: "user",
  name: "joe",
  roles,
  logins: ["joe"],
  cluster: "test.example.com",
  permits: new Set(),
  expires: Infinity,
});
/** A user of another cluster that this one trusts. */
const guest = (roles: string[]): UserIdentity => ({
  ...user(roles),
  name: "main:joe",
  cluster: "main",
  foreign: true,
});

const IDENTITIES: Record<string, Identity> = {
  auth: host("auth"),
  proxy: host("proxy"),
  node: host("node"),
  admin: host("admin"),
  "user with admin role": user(["admin"]),
  "user without roles": user([]),
  "user with a role called administrator": user(["administrator", "ADMIN", "auth", "proxy"]),
  "user whose role allows everything": user(["everything"]),
  joiner: { kind: "joiner", roles: ["auth", "proxy", "node"], tokenId: "abc" },
  "guest with admin role": guest(["admin"]),
  "guest whose role allows everything": guest(["everything"]),
  "guest without a rule": guest([]),
};

/** The roles that exist here; the others are only names. */
const ROLES: ReadonlyMap<string, Role> = new Map([...BUILT_IN_ROLES, ["everything", {
  name: "everything",
  options: DEFAULT_OPTIONS,
  allow: { ...NO_CONDITIONS, rules: [{ resources: ["*"], verbs: ["*"] }] },
  deny: NO_CONDITIONS,
}]]);

const MASTER = "user whose role allows everything";
const EVERY_USER = [
  "user with admin role",
  "user without roles",
  "user with a role called administrator",
  MASTER,
];
const MEMBERS = ["auth", "proxy", "node", "admin", ...EVERY_USER];
const READING_GUESTS = ["guest with admin role", "guest whose role allows everything"];
const GUESTS = [...READING_GUESTS, "guest without a rule"];

/** Who may call what. Reviewed by hand: a new call, or a wider rule, must be written down here. */
const GOLDEN: Record<Method, string[]> = {
  "cluster.get": MEMBERS,
  "authorities.list": MEMBERS,
  "authorities.rotate": ["admin", MASTER],
  "certificates.user": ["admin", MASTER],
  "certificates.host": ["admin", MASTER],
  "certificates.target": ["proxy"],
  "hosts.join": ["joiner"],
  "hosts.renew": ["auth", "proxy", "node"],
  "servers.announce": ["auth", "proxy", "node"],
  "servers.list": [...MEMBERS, ...GUESTS],
  "proxies.addresses": MEMBERS,
  "users.invite": ["admin", MASTER],
  "users.list": ["admin", MASTER],
  "users.update": ["admin", MASTER],
  "users.reset": ["admin", MASTER],
  "users.lock": ["admin", MASTER],
  "users.unlock": ["admin", MASTER],
  "users.remove": ["admin", MASTER],
  "resources.list": ["admin", ...EVERY_USER],
  "resources.get": ["admin", ...EVERY_USER],
  "resources.put": ["admin", ...EVERY_USER],
  "resources.remove": ["admin", ...EVERY_USER],
  "access.get": ["proxy", "node"],
  "signup.get": ["proxy"],
  "signup.complete": ["proxy"],
  "login.challenge": ["proxy"],
  "login.password": ["proxy"],
  "tokens.create": ["admin", MASTER],
  "tokens.list": ["admin", MASTER],
  "tokens.remove": ["admin", MASTER],
  "events.emit": ["proxy", "node"],
  "events.search": ["admin", "user with admin role", MASTER, ...READING_GUESTS],
  "events.follow": ["admin", "user with admin role", MASTER, ...READING_GUESTS],
  "recordings.list": ["admin", ...EVERY_USER, ...GUESTS],
  "recordings.read": ["admin", ...EVERY_USER, ...GUESTS],
  "sessions.announce": ["proxy", "node"],
  "sessions.list": ["admin", ...EVERY_USER, ...GUESTS],
  "sessions.end": ["admin", ...EVERY_USER, ...GUESTS],
  "changes.watch": MEMBERS,
  "access.mine": [...EVERY_USER, ...GUESTS],
  "account.password": EVERY_USER,
  "account.enroll": EVERY_USER,
  "account.confirm": EVERY_USER,
  "web_sessions.create": ["proxy"],
  "web_sessions.get": ["proxy"],
  "web_sessions.check": ["proxy"],
  "web_sessions.remove": ["proxy"],
  "sso.begin": ["proxy"],
  "sso.finish": ["proxy"],
  "sso.claim": ["proxy"],
  "sso.metadata": ["proxy"],
  "clusters.list": MEMBERS,
  "clusters.tunnels": ["proxy"],
  "clusters.learn": ["proxy"],
  "clusters.report": ["proxy"],
  "pairing.take": ["proxy"],
  "pairing.finish": ["proxy"],
  "pairing.validate": ["proxy"],
};

const METHODS = Object.keys(contract).map((name) => name as Method);

/** An input that the schema takes, for each call. */
const INPUT: { [M in Method]: Input<M> } = {
  "cluster.get": {},
  "authorities.list": {},
  "authorities.rotate": { kinds: ["user"], mode: "auto", graceMs: 1 },
  "certificates.user": { user: "joe", publicKey: "ssh-ed25519 AAAA" },
  "certificates.host": { names: ["luna"], publicKey: "ssh-ed25519 AAAA" },
  "certificates.target": { names: ["luna"], publicKey: "ssh-ed25519 AAAA" },
  "hosts.renew": { publicKey: "ssh-ed25519 AAAA" },
  "hosts.join": {
    hostId: "00000000-0000-4000-8000-000000000001",
    name: "luna",
    keys: [{ role: "node", publicKey: "ssh-ed25519 AAAA" }],
    publicNames: [],
  },
  "servers.announce": { role: "node", name: "luna", address: "192.0.2.1:3022", labels: {}, version: "1" },
  "servers.list": { role: "node" },
  "proxies.addresses": {},
  "users.invite": { name: "joe", logins: ["joe"] },
  "users.list": {},
  "users.update": { name: "joe" },
  "users.reset": { name: "joe" },
  "users.lock": { name: "joe" },
  "users.unlock": { name: "joe" },
  "resources.list": { kind: "user" },
  "resources.get": { kind: "user", name: "joe" },
  "resources.put": { document: { kind: "user" }, mode: "replace" },
  "resources.remove": { kind: "user", name: "joe" },
  "access.get": {},
  "users.remove": { name: "joe" },
  "signup.get": { token: "x" },
  "signup.complete": { token: "x", password: "x", otp: "1", address: "192.0.2.7" },
  "login.challenge": { user: "joe" },
  "login.password": { user: "joe", password: "x", otp: "1", publicKey: "k", address: "192.0.2.7" },
  "tokens.create": { roles: ["node"] },
  "tokens.list": {},
  "tokens.remove": { token: "x" },
  "events.emit": { events: [] },
  "events.search": {},
  "events.follow": {},
  "recordings.list": {},
  "recordings.read": {
    sid: "00000000-0000-4000-8000-000000000001",
    part: "bytes",
    offset: 0,
    length: 1,
  },
  "sessions.announce": { run: "00000000-0000-4000-8000-000000000001", sessions: [] },
  "sessions.list": {},
  "sessions.end": { sid: "00000000-0000-4000-8000-000000000001" },
  "changes.watch": {},
  "access.mine": {},
  "account.password": { password: "x", otp: "1", newPassword: "y" },
  "account.enroll": { password: "x", otp: "1" },
  "account.confirm": { otp: "1" },
  "web_sessions.create": {
    user: "joe",
    password: "x",
    otp: "1",
    address: "192.0.2.7",
    id: "0".repeat(64),
    publicKey: "k",
    sealedKey: "s",
  },
  "web_sessions.get": { user: "joe", id: "0".repeat(64) },
  "web_sessions.check": { sessions: [] },
  "web_sessions.remove": { user: "joe", id: "0".repeat(64), address: "192.0.2.7" },
  "sso.begin": {
    kind: "github",
    purpose: { for: "web", browser: "0".repeat(64), returnTo: "/web" },
    address: "192.0.2.7",
  },
  "sso.finish": { kind: "github", fields: {}, address: "192.0.2.7" },
  "sso.claim": {
    user: "joe",
    claim: "c",
    address: "192.0.2.7",
    id: "0".repeat(64),
    publicKey: "k",
    sealedKey: "s",
  },
  "sso.metadata": { connector: "okta" },
  "clusters.list": {},
  "clusters.tunnels": {},
  "clusters.learn": { statement: "" },
  "clusters.report": { tunnels: [] },
  "pairing.take": {},
  "pairing.finish": { id: "00000000-0000-4000-8000-000000000001" },
  "pairing.validate": {
    request: {
      version: 1,
      to: "main",
      statement: "",
      time: 0,
      nonce: "0".repeat(32),
      proof: "0".repeat(64),
    },
    address: "192.0.2.7",
  },
};

/** Handlers that only remember that they were called. */
function spies(called: string[]): Handlers {
  const entries = METHODS.map((name) => [name, () => Promise.resolve(called.push(name))]);
  return Object.fromEntries(entries) as Handlers;
}

async function outcome(method: string, identity: Identity, params: unknown) {
  const called: string[] = [];
  const denied: string[] = [];
  const context: CallContext = { identity, address: "192.0.2.7", watch() {}, follow() {} };
  const options: Pick<ServeOptions, "handlers" | "onDenied" | "rightsOf" | "isTrusted"> = {
    handlers: spies(called),
    isTrusted: () => true,
    rightsOf: ({ name, roles = [] }) => {
      const existing = roles.flatMap((role) => ROLES.get(role) ?? []);
      return Promise.resolve(new AccessChecker(existing, { name, traits: {} }));
    },
    onDenied: (name) => void denied.push(name),
  };
  try {
    await dispatch(method, params, context, options);
    return { code: "ok", called, denied, message: "" };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, called, denied, message: error.message };
  }
}

Deno.test("every call of the contract is in the table of who may call it", () => {
  assertEquals(METHODS.toSorted(), Object.keys(GOLDEN).toSorted());
});

for (const method of METHODS) {
  Deno.test(`${method} reaches its handler exactly for those whom the table names`, async () => {
    const allowed: string[] = [];
    for (const [name, identity] of Object.entries(IDENTITIES)) {
      const result = await outcome(method, identity, INPUT[method]);
      if (result.code === "ok") {
        allowed.push(name);
        assertEquals(result.called, [method]);
        assertEquals(result.denied, []);
      } else {
        assertEquals(result.code, "access_denied");
        assertEquals(result.called, [], "a refused call must not reach its handler");
        assertEquals(result.denied, [method], "a refused call must be reported");
      }
    }
    assertEquals(allowed, GOLDEN[method]);
  });
}

Deno.test("a refused caller learns nothing about the input: access is checked before it", async () => {
  for (const method of METHODS) {
    const stranger = GOLDEN[method].includes("joiner") ? IDENTITIES.node : IDENTITIES.joiner;
    const result = await outcome(method, stranger ?? host("node"), { no: "such", input: 1 });
    assertEquals(result.code, "access_denied", method);
  }
});

Deno.test("calls that are not in the contract are refused for everybody, also names that every object has", async () => {
  for (
    const method of ["", "cluster", "cluster.get ", "constructor", "__proto__", "toString", "hasOwnProperty"]
  ) {
    for (const identity of Object.values(IDENTITIES)) {
      const result = await outcome(method, identity, {});
      assertEquals(result.code, "unsupported");
      assertEquals(result.called, []);
    }
  }
});

Deno.test("an input with an unknown field, a missing field or another shape is refused before the handler", async () => {
  for (const method of METHODS) {
    const caller = IDENTITIES[GOLDEN[method][0] ?? ""] ?? host("admin");
    const given = Object.entries(INPUT[method]);
    const without = given.map(([name]) => Object.fromEntries(given.filter(([other]) => other !== name)));
    for (const input of [5, "x", true, { ...INPUT[method], surplus: 1 }, ...without]) {
      const result = await outcome(method, caller, input);
      assertEquals(result.code, "bad_input", `${method} ${JSON.stringify(input)}`);
      assertEquals(result.called, []);
    }
  }
});

Deno.test("an error about an input never repeats what was sent: it may be a password", async () => {
  const secret = "hunter2-hunter2";
  for (const password of [5, [secret], { secret }, secret.repeat(1000)]) {
    const input = { ...INPUT["login.password"], password };
    const result = await outcome("login.password", host("proxy"), input);
    assertEquals(result.code, "bad_input");
    assertStringIncludes(result.message, "password");
    assertEquals(result.message.includes("hunter2"), false);
  }
});

Deno.test("names that could break a log line, a path or a certificate are refused at the edge", async () => {
  const bad = [
    "",
    "a b",
    "a,b",
    "a\nb",
    "../x",
    "a/b",
    "$(x)",
    "a\u0000",
    "a".repeat(300),
    "-x",
    "a;b",
    "a\u009bb",
    "é",
  ];
  for (const name of bad) {
    const invite = await outcome("users.invite", host("admin"), { name, logins: ["joe"] });
    assertEquals(invite.code, "bad_input", JSON.stringify(name));
    const login = await outcome("users.invite", host("admin"), { name: "joe", logins: [name] });
    assertEquals(login.code, "bad_input", JSON.stringify(name));
    const join = await outcome("hosts.join", IDENTITIES.joiner ?? host("node"), {
      ...INPUT["hosts.join"],
      name,
    });
    assertEquals(join.code, "bad_input", JSON.stringify(name));
  }
});

Deno.test("a refused call over a real connection gives its code and is in the audit log", async () => {
  await using fixture = await startAuth();
  const { api } = await fixture.connectHost("node");
  const error = await assertRejects(() => api.call("users.list", {}), AppError, "may not call users.list");
  assertEquals(error.code, "access_denied");
  const [event] = await fixture.eventually("auth");
  assertEquals(event?.success, false);
  assertEquals(event?.error, "may not call users.list");
});

Deno.test("a joiner may do nothing but join over a real connection", async () => {
  await using fixture = await startAuth({
    settings: { staticTokens: [{ token: "join-token-1", roles: ["node"] }] },
  });
  const { api, ssh } = await fixture.connectJoiner("join-token-1");
  for (const method of METHODS.filter((name) => name !== "hosts.join")) {
    const error = await assertRejects(() => api.call(method, INPUT[method]), AppError);
    assertEquals(error.code, "access_denied", method);
  }
  await assertRejects(() => ssh.subsystem(`recording:${crypto.randomUUID()}`), AppError, "refused");
  await assertRejects(() => ssh.subsystem("sftp"), AppError, "refused");
  await assertRejects(() => ssh.exec("id"), AppError, "refused");
  await assertRejects(() => ssh.directTcpip("127.0.0.1", 22), AppError, "refused");
});

Deno.test("an unexpected failure of the server tells the caller nothing of it", async () => {
  await using fixture = await startAuth();
  const { api } = await fixture.connectHost("admin");
  fixture.auth.users.list = () => Promise.reject(new Error("the secret is in /var/lib/teleport/key"));
  const error = await assertRejects(() => api.call("users.list", {}), AppError);
  assertEquals(error.code, "internal");
  assertEquals(error.message, "internal error; the auth server's log has the details");
});

Deno.test("a host reports events under its own id only, of the kinds it may report, at times that are times", async () => {
  await using fixture = await startAuth();
  const hostId = crypto.randomUUID();
  const { api } = await fixture.connectHost("node", hostId);
  const forged = { event: "exec", server_id: "another", user: "joe", time: "not a time" };
  await api.call("events.emit", { events: [forged, { event: "exec", user: "ann", time: 5 }] });
  const events = await fixture.events("exec");
  assertEquals(events.map(({ server_id }) => server_id), [hostId, hostId]);
  for (const { time } of events) assertEquals(Number.isNaN(Date.parse(time)), false, time);
  for (
    const event of ["user.login", "user.create", "host.join", "cert.create", "token.create", "made.up", ""]
  ) {
    const error = await assertRejects(() => api.call("events.emit", { events: [{ event }] }), AppError);
    assertEquals(error.code, "access_denied", event);
  }
  assertEquals(await fixture.events("user.login"), []);
});

Deno.test("a server announces only its own role, and its id is its certificate's", async () => {
  await using fixture = await startAuth();
  const hostId = crypto.randomUUID();
  const { api } = await fixture.connectHost("node", hostId);
  const record = { name: "luna", address: "0.0.0.0:3022", labels: {}, version: "1" };
  const error = await assertRejects(
    () => api.call("servers.announce", { ...record, role: "proxy" }),
    AppError,
  );
  assertEquals(error.code, "access_denied");
  assertEquals(await api.call("servers.announce", { ...record, role: "node" }), {
    address: "127.0.0.1:3022",
  });
  assertEquals((await api.call("servers.list", { role: "node" })).map(({ id }) => id), [hostId]);
});

Deno.test("users see the recordings of their own sessions, administrators all, others are told there is none", async () => {
  await using fixture = await startAuth();
  const sid = crypto.randomUUID();
  const { recordings } = fixture.auth;
  const line = '{"event":"session.start","user":"joe"}\n';
  await fixture.files.append(`/log/sessions/default/${sid}.session.log`, line);
  assertEquals((await recordings.list(10)).length, 1);
  const seen = async (name: string, roles: string[]) => {
    const { api } = await fixture.connectUser(name, roles);
    const listed = (await api.call("recordings.list", {})).length;
    const read = api.call("recordings.read", { sid, part: "log", offset: 0, length: 100 });
    const text = await read.then(({ data }) => atob(data)).catch((error) => (error as AppError).code);
    return [listed, text];
  };
  assertEquals(await seen("joe", []), [1, line]);
  assertEquals(await seen("ann", []), [0, "not_found"]);
  assertEquals(await seen("ann", ["admin"]), [1, line]);
  assertEquals(await seen("jo", []), [0, "not_found"]);
});

Deno.test("a recording cannot be appended to by another node, a user or the auth role", async () => {
  await using fixture = await startAuth();
  const sid = crypto.randomUUID();
  const owner = await fixture.connectHost("node");
  const { stream } = await owner.ssh.subsystem(`recording:${sid}`);
  await new Promise((resolve) => stream.once("readable", () => resolve(stream.read())));
  const other = await fixture.connectHost("node");
  const session = await other.ssh.subsystem(`recording:${sid}`);
  session.stream.resume();
  let told = "";
  session.stderr.on("data", (chunk) => told += chunk);
  assertEquals(await session.exit, { code: 1 });
  assertStringIncludes(told, "belongs to another host");
  for (const { ssh } of [await fixture.connectUser("joe"), await fixture.connectHost("auth")]) {
    await assertRejects(() => ssh.subsystem(`recording:${sid}`), AppError, "refused");
  }
  const escaping = await other.ssh.subsystem("recording:../../../etc/passwd");
  escaping.stream.resume();
  assertEquals(await escaping.exit, { code: 1 });
  assertEquals(fixture.files.paths.filter((path) => path.includes("passwd")), []);
});
