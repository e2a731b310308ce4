import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../../base/errors.ts";
import type { JoinerIdentity, JoinRole } from "../../model/identity.ts";
import { isHostName } from "../../model/name.ts";
import { generateKey } from "../../ssh/private_key.ts";
import { MemoryBackend } from "../../store/memory.ts";
import { Hosts, type JoinRequest } from "./hosts.ts";

const CLUSTER = "prod.example.com";
const KEY = generateKey().publicKey.toLine();
const joiner = (change: Partial<JoinerIdentity> = {}): JoinerIdentity => ({
  kind: "joiner",
  roles: ["node", "proxy"],
  tokenId: "abc",
  ...change,
});
const request = (change: Partial<JoinRequest> = {}): JoinRequest => ({
  hostId: crypto.randomUUID(),
  name: "luna",
  keys: [{ role: "node", publicKey: KEY }],
  publicNames: [],
  ...change,
});

function open(running: Record<string, string> = {}): Hosts {
  const otherHostNamed = (name: string, id: string) => running[name] === id ? undefined : running[name];
  return new Hosts(new MemoryBackend(), CLUSTER, { otherHostNamed });
}

Deno.test("a node gets its own names only, a proxy also its public ones", async () => {
  const hostId = crypto.randomUUID();
  const own = [hostId, `${hostId}.${CLUSTER}`, "luna", `luna.${CLUSTER}`];
  const names = await open().admit(joiner(), request({ hostId, publicNames: ["teleport.example.com"] }), 0);
  assertEquals(names("node"), own);
  assertEquals(names("proxy"), [...own, "teleport.example.com"]);
});

Deno.test("whatever a node asks for, its names are its id and its name, alone or below the cluster", async () => {
  const word = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?$/).filter(isHostName);
  const run = async (hostId: string, name: string, publicNames: string[], role: JoinRole) => {
    const keys = [{ role, publicKey: KEY }];
    const names = await open().admit(joiner(), request({ hostId, name, publicNames, keys }), 0).catch(
      (error) => {
        if (error instanceof AppError) return undefined;
        throw error;
      },
    );
    const allowed = new Set([hostId, `${hostId}.${CLUSTER}`, name, `${name}.${CLUSTER}`]);
    if (role === "proxy") { for (const other of publicNames) allowed.add(other); }
    return (names?.(role) ?? []).every((granted) => allowed.has(granted));
  };
  await fc.assert(
    fc.asyncProperty(
      fc.uuid(),
      fc.oneof(word, fc.uuid(), fc.constant(CLUSTER)),
      fc.array(word, { maxLength: 3 }),
      fc.constantFrom<JoinRole>("node", "proxy"),
      run,
    ),
    { numRuns: 200 },
  );
});

Deno.test("a role that the token does not allow is refused", async () => {
  const keys = [{ role: "auth" as const, publicKey: KEY }];
  const error = await assertRejects(() => open().admit(joiner(), request({ keys }), 0), AppError);
  assertEquals(error.code, "access_denied");
});

Deno.test("nobody gets an auth server's certificate over the network, whatever the token allows", async () => {
  const keys = [{ role: "auth" as const, publicKey: KEY }];
  const allowed = joiner({ roles: ["auth", "proxy", "node"] });
  const error = await assertRejects(() => open().admit(allowed, request({ keys }), 0), AppError);
  assertEquals(error.code, "access_denied");
});

Deno.test("a token bound to one host admits no other", async () => {
  const hostId = crypto.randomUUID();
  const bound = joiner({ hostId });
  await assertRejects(() => open().admit(bound, request(), 0), AppError, "belongs to another host");
  await open().admit(bound, request({ hostId }), 0);
});

Deno.test("a name of the cluster, or of another host's id, cannot be a host's name", async () => {
  for (const name of [CLUSTER, `x.${CLUSTER}`, crypto.randomUUID(), crypto.randomUUID().toUpperCase()]) {
    await assertRejects(() => open().admit(joiner(), request({ name }), 0), AppError, "cannot be called");
    await assertRejects(
      () => open().admit(joiner(), request({ publicNames: [name] }), 0),
      AppError,
      "cannot be called",
    );
  }
  const hostId = crypto.randomUUID();
  await open().admit(joiner(), request({ hostId, name: hostId }), 0);
});

Deno.test("a name that a running host has is refused to another host and granted to the same one", async () => {
  const hostId = crypto.randomUUID();
  const hosts = open({ luna: hostId });
  await assertRejects(() => hosts.admit(joiner(), request(), 0), AppError, "--nodename");
  await hosts.admit(joiner(), request({ hostId }), 0);
});

Deno.test("a host id belongs to the first key of each role and to the token it came with", async () => {
  const hosts = open();
  const hostId = crypto.randomUUID();
  await hosts.admit(joiner(), request({ hostId }), 0);
  await hosts.admit(joiner(), request({ hostId }), 0);
  const proxyKey = [{ role: "proxy" as const, publicKey: generateKey().publicKey.toLine() }];
  await hosts.admit(joiner(), request({ hostId, keys: proxyKey }), 0);
  const otherKey = [{ role: "node" as const, publicKey: generateKey().publicKey.toLine() }];
  await assertRejects(
    () => hosts.admit(joiner(), request({ hostId, keys: otherKey }), 0),
    AppError,
    "joined",
  );
});

Deno.test("with another token a host comes back with its known key and names, and with nothing else", async () => {
  const hosts = open();
  const hostId = crypto.randomUUID();
  const known = request({ hostId });
  await hosts.admit(joiner(), known, 0);
  const other = joiner({ tokenId: "other" });
  await hosts.admit(other, known, 0);
  const changes = [
    { name: "renamed" },
    { publicNames: ["bank.example.com"] },
    { keys: [{ role: "node" as const, publicKey: generateKey().publicKey.toLine() }] },
    { keys: [{ role: "proxy" as const, publicKey: generateKey().publicKey.toLine() }] },
  ];
  for (const change of changes) {
    await assertRejects(() => hosts.admit(other, { ...known, ...change }, 0), AppError, "joined");
  }
});

Deno.test("who shares a host's token cannot give the host another name", async () => {
  const hosts = open();
  const hostId = crypto.randomUUID();
  await hosts.admit(joiner(), request({ hostId }), 0);
  const asProxy = {
    hostId,
    name: "evil",
    keys: [{ role: "proxy" as const, publicKey: generateKey().publicKey.toLine() }],
  };
  await assertRejects(() => hosts.admit(joiner(), request(asProxy), 0), AppError);
  await hosts.checkAnnounced(hostId, "luna");
});

Deno.test("the same host joining twice at once is admitted once", async () => {
  const hosts = open();
  const hostId = crypto.randomUUID();
  const results = await Promise.allSettled(
    [1, 2].map(() =>
      hosts.admit(
        joiner(),
        request({ hostId, keys: [{ role: "node", publicKey: generateKey().publicKey.toLine() }] }),
        0,
      )
    ),
  );
  assertEquals(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
});
