import { assertEquals } from "@std/assert";
import { openAuth, signUp } from "../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../tests/kit/clock.ts";
import { MemoryBackend } from "../store/memory.ts";

const announce = (id: string, clock: FakeClock) => ({
  id,
  role: "node" as const,
  name: "luna",
  address: "192.0.2.1:3022",
  labels: {},
  version: "1",
  lastSeen: clock.now(),
});

Deno.test("after a restart there are the same authorities, users and running servers", async () => {
  const clock = new FakeClock();
  const backend = new MemoryBackend(clock);
  const first = await openAuth({ clock, backend });
  await signUp(first.auth, "joe");
  first.auth.presence.announce(announce(crypto.randomUUID(), clock));
  await first.auth.close();
  const second = await openAuth({ clock, backend });
  assertEquals(second.auth.authorities.list(), first.auth.authorities.list());
  assertEquals((await second.auth.users.list()).map(({ name }) => name), ["joe"]);
  assertEquals(second.auth.presence.list("node").length, 1);
});

Deno.test("a store that fails for a while does not end the service", async () => {
  const clock = new FakeClock();
  const backend = new MemoryBackend(clock);
  const { auth } = await openAuth({ clock, backend });
  const { commit } = backend;
  backend.commit = () => Promise.reject(new Error("etcd is away"));
  auth.presence.announce(announce(crypto.randomUUID(), clock));
  await clock.advance(60_000);
  assertEquals(auth.presence.list("node").length, 1);
  backend.commit = commit;
  auth.presence.announce(announce(crypto.randomUUID(), clock));
  await clock.advance(10_000);
  assertEquals((await backend.list(["server"])).length, 2);
});

Deno.test("a closed service has no timer left", async () => {
  const clock = new FakeClock();
  const { auth } = await openAuth({ clock });
  await auth.close();
  assertEquals(clock.armed, 0);
});
