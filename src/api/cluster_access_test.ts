import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock, settle } from "../../tests/kit/clock.ts";
import { HOUR, MINUTE } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { type AccessSnapshot, accessSnapshot } from "../model/access_snapshot.ts";
import { BUILT_IN_ROLES, DEFAULT_OPTIONS, NO_CONDITIONS } from "../model/admin_role.ts";
import type { UserIdentity } from "../model/identity.ts";
import type { Role } from "../model/role.ts";
import type { User } from "../model/user.ts";
import type { Caller } from "./client.ts";
import { type AccessCheck, ClusterAccess } from "./cluster_access.ts";

const dev: Role = {
  name: "dev",
  options: DEFAULT_OPTIONS,
  allow: { logins: ["{{external.unix}}"], nodeLabels: { env: ["staging"] }, rules: [] },
  deny: NO_CONDITIONS,
};
const joe: User = {
  name: "joe",
  roles: ["dev"],
  traits: { unix: ["web"], phone: ["555"] },
  created: 0,
  createdBy: "test",
};
const identity = (change: Partial<UserIdentity> = {}): UserIdentity => ({
  kind: "user",
  name: "joe",
  roles: ["dev"],
  logins: ["web"],
  cluster: "main",
  permits: new Set(),
  expires: Infinity,
  ...change,
});
const onStaging: AccessCheck = (rights) => rights.checkNode("web", { env: "staging" });
const SESSIONS = { clientIdleTimeout: 0, disconnectExpiredCert: false };
const snapshotOf = (users: User[], roles: Role[] = [...BUILT_IN_ROLES.values(), dev]) =>
  accessSnapshot(roles, users, SESSIONS);

/** A host, its auth server, and its disk. */
class Host {
  readonly clock = new FakeClock();
  connected = true;
  version = 1;
  calls: (string | undefined)[] = [];
  warnings: string[] = [];
  disk: string | undefined;
  ttlMs = 20 * HOUR;

  constructor(public snapshot: AccessSnapshot | undefined) {}

  change(snapshot: AccessSnapshot): void {
    this.snapshot = snapshot;
    this.version++;
  }

  async open(): Promise<ClusterAccess> {
    const call = (_method: string, { known }: { known?: string }) => {
      this.calls.push(known);
      if (!this.connected || !this.snapshot) {
        return Promise.reject(new AppError("unavailable", "no auth server"));
      }
      const version = `${this.version}`;
      return Promise.resolve(known === version ? { version } : { version, snapshot: this.snapshot });
    };
    const isConnected = () => this.connected;
    const access = await ClusterAccess.open({
      api: {
        call: call as unknown as Caller["call"],
        get connected() {
          return isConnected();
        },
      },
      file: {
        read: () => Promise.resolve(this.disk),
        write: (text) => Promise.resolve(void (this.disk = text)),
      },
      clock: this.clock,
      ttlMs: this.ttlMs,
      warn: (text) => this.warnings.push(text),
    });
    await settle();
    return access;
  }
}

Deno.test("a host that never heard from auth lets nobody in", async () => {
  const host = new Host(undefined);
  const access = await host.open();
  await assertRejects(() => access.admit(identity(), () => undefined), AppError, "never heard");
});

Deno.test("what was fetched decides, and is kept for when auth is away", async () => {
  const host = new Host(snapshotOf([joe]));
  const rights = await (await host.open()).admit(identity(), onStaging);
  assertEquals(rights.logins(), ["web"]);
  assertEquals(host.disk?.includes("555"), false, "traits that no role refers to stay at auth");
  host.connected = false;
  const later = await host.open();
  await later.admit(identity(), onStaging);
  await assertRejects(() => later.admit(identity({ name: "eve" }), onStaging), AppError, "does not exist");
});

Deno.test("who would be refused is asked for once more: user and role may be new", async () => {
  const host = new Host(snapshotOf([]));
  const access = await host.open();
  host.change(snapshotOf([joe]));
  await access.admit(identity(), onStaging);
  const before = host.calls.length;
  await access.admit(identity(), onStaging);
  assertEquals(host.calls.length, before, "who is let in costs no call");
});

Deno.test("an auth server that does not answer delays a refusal for three seconds only", async () => {
  const host = new Host(snapshotOf([]));
  const access = await host.open();
  Object.assign(access, { refresh: () => new Promise(() => {}) });
  const refusal = assertRejects(() => access.admit(identity(), onStaging), AppError, "does not exist");
  await host.clock.advance(3000);
  await refusal;
});

Deno.test("locks, expiry, lost roles and other logins refuse", async () => {
  const host = new Host(undefined);
  const now = host.clock.now();
  const cases: [Partial<User>, Role, Partial<UserIdentity>, string][] = [
    [{ lock: { message: "on leave", since: 0 } }, dev, {}, "the user is locked: on leave"],
    [{ lock: { message: "", since: 0, until: now + HOUR } }, dev, {}, "the user is locked"],
    [{ expires: now }, dev, {}, "the user has expired"],
    [{ roles: ["admin"] }, dev, {}, "the user has no role"],
    [{}, { ...dev, expires: now }, {}, "the user has no role"],
    [{}, dev, { roles: ["admin"] }, "the user has no role"],
    [{}, dev, { roles: [] }, "the user has no role"],
    [{ traits: { unix: ["www"] } }, dev, {}, "no role allows this login on this node"],
    [{}, { ...dev, name: "other" }, {}, "the user has no role"],
  ];
  for (const [change, role, who, why] of cases) {
    host.change(snapshotOf([{ ...joe, ...change }], [role]));
    const access = await host.open();
    await assertRejects(() => access.admit(identity(who), onStaging), AppError, why);
  }
  host.change(snapshotOf([{ ...joe, lock: { message: "", since: 0, until: now } }], [dev]));
  await (await host.open()).admit(identity({ roles: undefined }), onStaging);
});

Deno.test("a change is told once it is known, and only a change", async () => {
  const host = new Host(snapshotOf([joe]));
  const access = await host.open();
  let changes = 0;
  access.onChange = () => changes++;
  await access.refresh();
  assertEquals(changes, 0);
  host.change(snapshotOf([]));
  await Promise.all([access.refresh(), access.refresh()]);
  assertEquals(changes, 1);
  assertEquals(access.decide(identity(), onStaging).refused, "the user does not exist any more");
});

Deno.test("a file that cannot be read is as none, and said", async () => {
  for (const text of ["", "{", '{"version":"1"}', '{"version":"1","snapshot":{"roles":[{}],"users":[]}}']) {
    const host = new Host(snapshotOf([joe]));
    host.connected = false;
    host.disk = text;
    const access = await host.open();
    await assertRejects(() => access.admit(identity(), onStaging), AppError, "never heard");
    assertEquals(host.warnings.length, 1);
    host.connected = true;
    await access.admit(identity(), onStaging);
  }
});

Deno.test("a lock that ends, ends without a word from auth", async () => {
  const host = new Host(undefined);
  const until = host.clock.now() + MINUTE;
  host.change(snapshotOf([{ ...joe, lock: { message: "", since: 0, until } }]));
  const access = await host.open();
  host.connected = false;
  await assertRejects(() => access.admit(identity(), onStaging), AppError, "locked");
  await host.clock.advance(MINUTE);
  await access.admit(identity(), onStaging);
});

Deno.test("without an auth server a host decides as long as its cache may live, and then says why not", async () => {
  const host = new Host(snapshotOf([joe]));
  const access = await host.open();
  await host.clock.advance(100 * HOUR);
  host.connected = false;
  await host.clock.advance(20 * HOUR - MINUTE);
  await access.admit(identity(), onStaging);
  await host.clock.advance(2 * MINUTE);
  const tooOld = "this host decides without one for 20h0m0s (cache.ttl)";
  await assertRejects(() => access.admit(identity(), onStaging), AppError, tooOld);
  assertEquals(access.decide(identity(), onStaging).refused, undefined, "who is here already stays");
  host.connected = true;
  await access.admit(identity(), onStaging);
  access.close();
});

Deno.test("a restart without an auth server does not make what is known any younger", async () => {
  const host = new Host(snapshotOf([joe]));
  (await host.open()).close();
  host.connected = false;
  await host.clock.advance(19 * HOUR);
  const second = await host.open();
  await second.admit(identity(), onStaging);
  await host.clock.advance(2 * HOUR);
  await assertRejects(
    () => second.admit(identity(), onStaging),
    AppError,
    "no auth server was reached since",
  );
  second.close();
});

Deno.test("with the cache switched off nothing is kept, and nobody is let in without an auth server", async () => {
  const host = new Host(snapshotOf([joe]));
  host.ttlMs = 0;
  const access = await host.open();
  await access.admit(identity(), onStaging);
  assertEquals(host.disk, undefined);
  host.connected = false;
  await assertRejects(() => access.admit(identity(), onStaging), AppError, "cache.enabled");
});

Deno.test("a cache that never grows old lets people in after a year", async () => {
  const host = new Host(snapshotOf([joe]));
  host.ttlMs = Infinity;
  const access = await host.open();
  host.connected = false;
  await host.clock.advance(365 * 24 * HOUR);
  await access.admit(identity(), onStaging);
  access.close();
});
