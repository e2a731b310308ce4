import { assert, assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { AppError } from "../../base/errors.ts";
import { parsePublicKeyLine } from "../../ssh/public_key.ts";
import { MemoryBackend } from "../../store/memory.ts";
import { Authorities } from "./authorities.ts";

const clock = new FakeClock();

Deno.test("the first start makes two authorities with different keys", async () => {
  const authorities = await Authorities.open(new MemoryBackend(), clock, "one.example.com");
  const [user, host] = authorities.list();
  assertEquals([user?.kind, host?.kind], ["user", "host"]);
  assertEquals([user?.cluster, host?.cluster], ["one.example.com", "one.example.com"]);
  assertNotEquals(user?.keys, host?.keys);
});

Deno.test("a later start finds the same keys and name, with or without the name in the configuration", async () => {
  const backend = new MemoryBackend();
  const first = await Authorities.open(backend, clock, "one.example.com");
  for (const name of ["one.example.com", undefined]) {
    const again = await Authorities.open(backend, clock, name);
    assertEquals(again.list(), first.list());
    assert(again.signer("user").publicKey.equals(first.signer("user").publicKey));
    assert(again.signer("host").publicKey.equals(first.signer("host").publicKey));
  }
});

Deno.test("another cluster name in the configuration is refused with both names and changes nothing", async () => {
  const backend = new MemoryBackend();
  const first = await Authorities.open(backend, clock, "one.example.com");
  const error = await assertRejects(() => Authorities.open(backend, clock, "two.example.com"), AppError);
  assertEquals(error.code, "conflict");
  assertStringIncludes(error.message, '"one.example.com"');
  assertStringIncludes(error.message, '"two.example.com"');
  assertEquals((await Authorities.open(backend, clock, undefined)).list(), first.list());
});

Deno.test("without a name in the configuration the cluster gets a uuid and keeps it", async () => {
  const backend = new MemoryBackend();
  const { cluster } = await Authorities.open(backend, clock, undefined);
  assertEquals(cluster.length, 36);
  assertEquals((await Authorities.open(backend, clock, undefined)).cluster, cluster);
});

Deno.test("two auth servers that start at once on an empty store end up with the same authorities", async () => {
  const backend = new MemoryBackend();
  const [a, b] = await Promise.all([
    Authorities.open(backend, clock, "one.example.com"),
    Authorities.open(backend, clock, "one.example.com"),
  ]);
  assertEquals(a?.list(), b?.list());
});

Deno.test("the public list holds no private key", async () => {
  const authorities = await Authorities.open(new MemoryBackend(), clock, "one.example.com");
  const text = JSON.stringify([authorities.list(), authorities]);
  assertEquals(text.includes("PRIVATE"), false);
  for (const { keys } of authorities.list()) for (const line of keys) parsePublicKeyLine(line);
});

Deno.test("the keys of both authorities are known as such, whatever the comment, and others are not", async () => {
  const authorities = await Authorities.open(new MemoryBackend(), clock, "one.example.com");
  const other = await Authorities.open(new MemoryBackend(), clock, "two.example.com");
  for (const kind of ["user", "host"] as const) {
    assert(authorities.isAuthorityKey(authorities.signer(kind).publicKey.toLine("a comment")));
    assertEquals(authorities.isAuthorityKey(other.signer(kind).publicKey.toLine()), false);
  }
});
