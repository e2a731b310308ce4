import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import {
  formatSessionCookie,
  newSessionCookie,
  openKey,
  parseSessionCookie,
  sealKey,
  sessionKeys,
} from "./session_secret.ts";
import { BEARER_TTL, isBearer, isTicket, makeBearer, makeTicket, TICKET_TTL } from "./session_tokens.ts";

const NOW = Date.UTC(2030, 0, 1);
const fresh = (user = "joe") => sessionKeys(newSessionCookie(user));

Deno.test("a cookie comes back as it was, and nothing else is one", () => {
  for (const user of ["joe", "joe@example.com", "a".repeat(64)]) {
    const cookie = newSessionCookie(user);
    const text = formatSessionCookie(cookie);
    const read = parseSessionCookie(text);
    assertEquals([read?.user, read?.secret.reveal()], [user, cookie.secret.reveal()]);
    assertEquals(text.includes(";") || text.includes("="), false);
  }
  const good = formatSessionCookie(newSessionCookie("joe"));
  for (
    const bad of [
      "",
      ".",
      "joe",
      `${good}x`,
      good.slice(1, -1),
      `${good}.x`,
      good.replace(".", ""),
      `${btoa("a,b")}.${"A".repeat(43)}`,
      `${"A".repeat(9000)}.${"A".repeat(43)}`,
    ]
  ) {
    assertEquals(parseSessionCookie(bad), undefined, bad);
  }
});

Deno.test("each secret, and each user's name, has keys of its own, and the id is none of them", () => {
  const cookie = newSessionCookie("joe");
  const keys = sessionKeys(cookie);
  assertEquals(sessionKeys(cookie).id, keys.id);
  const others = [
    fresh().id,
    sessionKeys({ ...cookie, user: "ann" }).id,
    keys.seal.reveal().toString("hex"),
    keys.tokens.reveal().toString("hex"),
    cookie.secret.reveal().toString("hex"),
  ];
  assertEquals(new Set([keys.id, ...others]).size, 6);
});

Deno.test("a sealed key opens for its session and user alone, unchanged", () => {
  const keys = fresh();
  const sealed = sealKey(keys, "joe", new Secret("the key"));
  assertNotEquals(sealKey(keys, "joe", new Secret("the key")), sealed);
  assertEquals(openKey(keys, "joe", sealed).reveal(), "the key");
  const bytes = Uint8Array.fromBase64(sealed);
  const bad = [...bytes.keys()].map((at) => bytes.with(at, (bytes[at] ?? 0) ^ 1).toBase64());
  for (const changed of [...bad, "", "AAAA", sealed.slice(0, 20)]) {
    assertThrows(() => openKey(keys, "joe", changed), AppError, "cannot be opened");
  }
  assertThrows(() => openKey(keys, "ann", sealed), AppError);
  assertThrows(() => openKey(fresh(), "joe", sealed), AppError);
});

Deno.test("a bearer holds for its session until its time is over", () => {
  const keys = fresh();
  const bearer = makeBearer(keys, NOW);
  assert(isBearer(keys, bearer, NOW) && isBearer(keys, bearer, NOW + BEARER_TTL - 1));
  assertEquals(isBearer(keys, bearer, NOW + BEARER_TTL), false);
  assertEquals(isBearer(keys, bearer, NOW - 2 * BEARER_TTL), false, "from the future");
  assertEquals(isBearer(fresh(), bearer, NOW), false);
  const [nonce, ends, proof] = bearer.split(".");
  for (
    const changed of [
      "",
      "x",
      `${nonce}.${Number(ends) + 1}.${proof}`,
      `${"0".repeat(12)}.${ends}.${proof}`,
      `${nonce}.${ends}.${"A".repeat(43)}`,
      `${bearer}.`,
      `${nonce}.-1.${proof}`,
    ]
  ) {
    assertEquals(isBearer(keys, changed, NOW), false, changed);
  }
});

Deno.test("a ticket is for its path and no bearer, and a bearer is no ticket", () => {
  const keys = fresh();
  const ticket = makeTicket(keys, "/a?b=1", NOW);
  assert(isTicket(keys, "/a?b=1", ticket, NOW + TICKET_TTL - 1));
  assertEquals(isTicket(keys, "/a?b=2", ticket, NOW), false);
  assertEquals(isTicket(keys, "/a?b=1", ticket, NOW + TICKET_TTL), false);
  assertEquals(isBearer(keys, ticket, NOW), false);
  assertEquals(isTicket(keys, "/a?b=1", makeBearer(keys, NOW), NOW), false);
  assertNotEquals(makeTicket(keys, "/a?b=1", NOW), ticket);
});
