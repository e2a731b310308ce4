import { assertEquals } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { HEARTBEAT } from "../model/limits.ts";
import type { ServerRecord } from "../model/server.ts";
import { MemoryBackend } from "../store/memory.ts";
import { Presence } from "./presence.ts";

function open() {
  const clock = new FakeClock();
  const backend = new MemoryBackend(clock);
  const state = { changes: 0 };
  const presence = new Presence(backend, clock, () => state.changes++);
  const record = (change: Partial<ServerRecord> = {}): ServerRecord => ({
    id: "00000000-0000-4000-8000-000000000001",
    role: "node",
    name: "luna",
    address: "192.0.2.1:3022",
    labels: {},
    version: "1",
    lastSeen: clock.now(),
    ...change,
  });
  return { clock, backend, state, presence, record };
}

const names = (presence: Presence) => presence.list("node").map(({ name }) => name);

Deno.test("a server is listed until ninety seconds after its last sign of life", async () => {
  const { clock, presence, record } = open();
  presence.announce(record());
  await clock.advance(HEARTBEAT.ttl - 1);
  assertEquals(names(presence), ["luna"]);
  presence.announce(record());
  await clock.advance(HEARTBEAT.ttl - 1);
  assertEquals(names(presence), ["luna"]);
  await clock.advance(1);
  assertEquals(names(presence), []);
});

Deno.test("a change is told when a server appears, changes or goes, not for a sign of life", async () => {
  const { clock, presence, record, state } = open();
  presence.announce(record());
  assertEquals(state.changes, 1);
  await clock.advance(HEARTBEAT.interval);
  presence.announce(record());
  await presence.sweep();
  assertEquals(state.changes, 1);
  presence.announce(record({ labels: { env: "prod" } }));
  assertEquals(state.changes, 2);
  await clock.advance(HEARTBEAT.ttl);
  await presence.sweep();
  assertEquals(state.changes, 3);
  await presence.sweep();
  assertEquals(state.changes, 3);
});

Deno.test("the roles of one host are listed apart", () => {
  const { presence, record } = open();
  presence.announce(record());
  presence.announce(record({ role: "proxy" }));
  assertEquals(presence.list("node").length, 1);
  assertEquals(presence.list("proxy").length, 1);
  assertEquals(presence.list("auth").length, 0);
});

Deno.test("after a restart the servers are known from the store, but not the dead ones", async () => {
  const { clock, backend, presence, record } = open();
  presence.announce(record());
  presence.announce(record({ id: "00000000-0000-4000-8000-000000000002", name: "mars" }));
  await presence.sweep();
  await clock.advance(HEARTBEAT.ttl / 2);
  presence.announce(record());
  await presence.sweep();
  await clock.advance(HEARTBEAT.ttl / 2);
  const restarted = new Presence(backend, clock, () => {});
  await restarted.load();
  assertEquals(names(restarted), ["luna"]);
});

Deno.test("a server that is gone is gone from the store", async () => {
  const { clock, backend, presence, record } = open();
  presence.announce(record());
  await presence.sweep();
  assertEquals((await backend.list(["server"])).length, 1);
  await clock.advance(HEARTBEAT.ttl);
  await presence.sweep();
  assertEquals((await backend.list(["server"])).length, 0);
});

Deno.test("a thousand servers are saved and found again", async () => {
  const { clock, backend, presence, record } = open();
  for (let i = 0; i < 1000; i++) presence.announce(record({ id: crypto.randomUUID(), name: `n${i}` }));
  await presence.sweep();
  const restarted = new Presence(backend, clock, () => {});
  await restarted.load();
  assertEquals(restarted.list("node").length, 1000);
});

Deno.test("another running host of a name is found, whatever its role or the letters' case", async () => {
  const { clock, presence, record } = open();
  const id = record().id;
  presence.announce(record({ role: "proxy", name: "Luna" }));
  assertEquals(presence.otherHostNamed("luna", crypto.randomUUID()), id);
  assertEquals(presence.otherHostNamed("luna", id), undefined);
  assertEquals(presence.otherHostNamed("mars", crypto.randomUUID()), undefined);
  await clock.advance(HEARTBEAT.ttl);
  assertEquals(presence.otherHostNamed("luna", crypto.randomUUID()), undefined);
});
