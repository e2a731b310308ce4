import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { DAY, HOUR, MINUTE } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { MemoryBackend } from "../../store/memory.ts";
import { type JoinToken, JoinTokens, tokenId } from "./tokens.ts";

const FIXED: JoinToken = { token: "static-token", roles: ["node", "proxy"], static: true };

function open() {
  const clock = new FakeClock();
  return { clock, tokens: new JoinTokens(new MemoryBackend(clock), clock, [FIXED]) };
}

async function stateOf(tokens: JoinTokens, token: string): Promise<string> {
  const found = (await tokens.all()).find((known) => known.token === token);
  return found ? tokens.refusal(found) ?? "usable" : "unknown";
}

Deno.test("a static token is usable for ever and cannot be removed", async () => {
  const { clock, tokens } = open();
  await clock.advance(1000 * DAY);
  assertEquals(await stateOf(tokens, "static-token"), "usable");
  assertEquals((await tokens.active()).map(({ token }) => token), ["static-token"]);
  await assertRejects(() => tokens.remove("static-token"), AppError, "in the configuration file");
});

Deno.test("a made token is 128 random bits in hex, usable until it expires", async () => {
  const { clock, tokens } = open();
  const { token, expires } = await tokens.create(["node"], HOUR);
  assertMatch(token, /^[0-9a-f]{32}$/);
  assertEquals(expires, clock.now() + HOUR);
  await clock.advance(HOUR - 1);
  assertEquals(await stateOf(tokens, token), "usable");
  await clock.advance(1);
  assertStringIncludes(await stateOf(tokens, token), "expired at 2026-01-15T13:00:00.000Z");
  assertEquals((await tokens.active()).map((known) => known.token), ["static-token"]);
});

Deno.test("an expired token is remembered for a week, then forgotten", async () => {
  const { clock, tokens } = open();
  const { token } = await tokens.create(["node"], HOUR);
  await clock.advance(HOUR + 7 * DAY - 1);
  assertStringIncludes(await stateOf(tokens, token), "expired");
  await clock.advance(1);
  assertEquals(await stateOf(tokens, token), "unknown");
});

Deno.test("a removed token is refused with the reason, and removing it again finds nothing", async () => {
  const { tokens } = open();
  const { token } = await tokens.create(["node"], HOUR);
  assertEquals(await tokens.remove(token), true);
  assertEquals(await stateOf(tokens, token), "this join token was removed by an administrator");
  assertEquals(await tokens.remove(token), false);
  assertEquals(await tokens.remove("never-existed"), false);
});

Deno.test("a token's wanted value must be new among the usable tokens", async () => {
  const { clock, tokens } = open();
  await assertRejects(() => tokens.create(["node"], HOUR, "static-token"), AppError, "exists already");
  await tokens.create(["node"], HOUR, "my-own-token");
  await assertRejects(() => tokens.create(["node"], HOUR, "my-own-token"), AppError, "exists already");
  await tokens.remove("my-own-token");
  await tokens.create(["proxy"], HOUR, "my-own-token");
  assertEquals(await stateOf(tokens, "my-own-token"), "usable");
  await clock.advance(2 * HOUR);
  await tokens.create(["node"], HOUR, "my-own-token");
  assertEquals(await stateOf(tokens, "my-own-token"), "usable");
});

Deno.test("a token cannot last longer than thirty days, nor for no time", async () => {
  const { tokens } = open();
  for (const ttl of [0, -1]) {
    await assertRejects(() => tokens.create(["node"], ttl), AppError, "valid for some time");
  }
  await assertRejects(() => tokens.create(["node"], 30 * DAY + 1), AppError, "at most 720h0m0s");
  await tokens.create(["node"], 30 * DAY);
});

Deno.test("a token bound to a host is not listed", async () => {
  const clock = new FakeClock();
  const local: JoinToken = { token: "local", roles: ["proxy"], static: true, hostId: crypto.randomUUID() };
  const tokens = new JoinTokens(new MemoryBackend(clock), clock, [local]);
  assertEquals(await tokens.active(), []);
  assertEquals((await tokens.all()).length, 1);
  await clock.advance(MINUTE);
});

Deno.test("a token's id tells tokens apart and does not contain them", () => {
  assertEquals(tokenId("a-token"), tokenId("a-token"));
  assertEquals(tokenId("a-token") === tokenId("b-token"), false);
  assertMatch(tokenId("a-token"), /^[0-9a-f]{12}$/);
});
