import { assertEquals } from "@std/assert";
import { FakeClock, settle } from "../../tests/kit/clock.ts";
import { HOUR, MINUTE, SECOND } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { type AccessSnapshot, accessSnapshot, type SessionPolicy } from "../model/access_snapshot.ts";
import { BUILT_IN_ROLES, DEFAULT_OPTIONS } from "../model/admin_role.ts";
import type { UserIdentity } from "../model/identity.ts";
import type { Role, RoleOptions } from "../model/role.ts";
import type { User } from "../model/user.ts";
import { ClusterAccess } from "./cluster_access.ts";
import { LiveAccess } from "./live_access.ts";

const joe: User = {
  name: "joe",
  roles: ["admin", "strict"],
  traits: { logins: ["joe"] },
  created: 0,
  createdBy: "test",
};

async function setUp(options: Partial<RoleOptions>, sessions: Partial<SessionPolicy> = {}, delayMs = 0) {
  const clock = new FakeClock();
  const strict: Role = {
    name: "strict",
    options: { ...DEFAULT_OPTIONS, ...options },
    allow: { logins: ["joe"], nodeLabels: { "*": ["*"] }, rules: [] },
    deny: { logins: [], nodeLabels: {}, rules: [] },
  };
  const policy = { clientIdleTimeout: 0, disconnectExpiredCert: false, ...sessions };
  const make = (users: User[]) => accessSnapshot([...BUILT_IN_ROLES.values(), strict], users, policy);
  let snapshot: AccessSnapshot = make([joe]);
  let version = 1;
  const api = { connected: true, call: () => Promise.resolve({ version: `${version}`, snapshot }) };
  const access = await ClusterAccess.open({
    api: api as unknown as Parameters<typeof ClusterAccess.open>[0]["api"],
    file: { read: () => Promise.resolve(undefined), write: () => Promise.resolve() },
    clock,
    ttlMs: 0,
    warn: (text) => {
      throw new AppError("internal", text);
    },
  });
  await settle();
  const live = new LiveAccess(access, clock, delayMs);
  const ended: string[] = [];
  const state = { traffic: 0 };
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const identity: UserIdentity = {
    kind: "user",
    name: "joe",
    roles: ["admin", "strict"],
    logins: ["joe"],
    cluster: "main",
    permits: new Set(),
    expires: clock.now() / 1000 + 60,
  };
  live.add({
    identity,
    closed,
    check: (rights) => rights.checkNode("joe", {}),
    traffic: () => state.traffic,
    end: (reason) => {
      ended.push(reason);
      close();
    },
  });
  const change = async (users: User[]) => {
    snapshot = make(users);
    version++;
    await access.refresh();
  };
  return { clock, live, ended, state, close, change };
}

Deno.test("a connection without traffic ends after the idle time, and not before", async () => {
  const { clock, ended, state } = await setUp({ clientIdleTimeout: 10 * SECOND });
  await clock.advance(9 * SECOND);
  state.traffic++;
  await clock.advance(9 * SECOND);
  assertEquals(ended, []);
  await clock.advance(3 * SECOND);
  assertEquals(ended, ["nothing was sent or received for 10s"]);
  assertEquals(clock.armed, 0, "no timer without a connection");
});

Deno.test("of the cluster's and the roles' idle times the shorter counts", async () => {
  const longer = await setUp({ clientIdleTimeout: MINUTE }, { clientIdleTimeout: 5 * SECOND });
  await longer.clock.advance(6 * SECOND);
  assertEquals(longer.ended.length, 1);
  const shorter = await setUp({ clientIdleTimeout: 5 * SECOND }, { clientIdleTimeout: MINUTE });
  await shorter.clock.advance(6 * SECOND);
  assertEquals(shorter.ended.length, 1);
});

Deno.test("a connection outlives its certificate unless role or cluster say otherwise", async () => {
  const plain = await setUp({});
  await plain.clock.advance(HOUR);
  assertEquals(plain.ended, []);
  const cases = [
    await setUp({ disconnectExpiredCert: true }),
    await setUp({}, { disconnectExpiredCert: true }),
  ];
  for (const { clock, ended } of cases) {
    await clock.advance(59 * SECOND);
    assertEquals(ended, []);
    await clock.advance(2 * SECOND);
    assertEquals(ended, ["the certificate has expired"]);
  }
});

Deno.test("locking or deleting a user, or taking the role, ends the connection at once", async () => {
  const cases: [User[], string][] = [
    [[{ ...joe, lock: { message: "leaving", since: 0 } }], "the user is locked: leaving"],
    [[], "the user does not exist any more"],
    [[{ ...joe, roles: [] }], "the user has no role"],
    [[{ ...joe, roles: ["admin"], traits: {} }], "no role allows this login on this node"],
  ];
  for (const [users, why] of cases) {
    const { ended, change } = await setUp({});
    await change(users);
    assertEquals(ended, [why]);
  }
  const { ended, change } = await setUp({});
  await change([{ ...joe, roles: ["strict"] }]);
  assertEquals(ended, [], "another role still lets the user be here");
});

Deno.test("a user's own end comes without a word from auth", async () => {
  const { clock, ended, change } = await setUp({});
  await change([{ ...joe, expires: clock.now() + MINUTE }]);
  await clock.advance(MINUTE + 10 * SECOND);
  assertEquals(ended, ["the user has expired"]);
});

Deno.test("a proxy waits until the node has ended the session, and cuts what is left", async () => {
  const first = await setUp({}, {}, 3 * SECOND);
  await first.change([]);
  assertEquals(first.ended, []);
  await first.clock.advance(3 * SECOND);
  assertEquals(first.ended, ["the user does not exist any more"]);

  const second = await setUp({}, {}, 3 * SECOND);
  await second.change([]);
  second.close();
  await second.clock.advance(HOUR);
  assertEquals(second.ended, []);
});

Deno.test("a connection that closed is forgotten", async () => {
  const { clock, ended, close } = await setUp({ clientIdleTimeout: SECOND });
  close();
  await settle();
  assertEquals(clock.armed, 0);
  await clock.advance(MINUTE);
  assertEquals(ended, []);
});
