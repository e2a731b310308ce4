import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import * as v from "valibot";
import { AppError } from "../base/errors.ts";
import { Secret } from "../base/secret.ts";
import {
  checkAnswer,
  pairingAnswer,
  pairingRequest,
  pairingRequestSchema,
  provesToken,
  requireFresh,
} from "./pairing_proof.ts";

const NOW = Date.UTC(2026, 0, 15);
const TOKEN = new Secret("join-us");
const wish = { to: "main", statement: "c3RhdGVtZW50", now: NOW };

Deno.test("a request proves its token, is never the same twice, and does not hold the token", () => {
  const request = pairingRequest(TOKEN, wish);
  assertEquals(v.is(pairingRequestSchema, request), true);
  assertEquals(provesToken("join-us", request), true);
  assertEquals(provesToken("join-uS", request), false);
  assertNotEquals(pairingRequest(TOKEN, wish).proof, request.proof);
  assertEquals(JSON.stringify(request).includes("join-us"), false);
});

Deno.test("nothing of a request can be changed on the way", () => {
  const request = pairingRequest(TOKEN, wish);
  for (
    const change of [
      { to: "other" },
      { statement: "b3RoZXI=" },
      { time: NOW + 1 },
      { nonce: "0".repeat(32) },
      { proof: "0".repeat(64) },
      { proof: "" },
    ]
  ) {
    assertEquals(provesToken("join-us", { ...request, ...change }), false, JSON.stringify(change));
  }
  requireFresh(request, NOW + 299_000);
  assertThrows(() => requireFresh(request, NOW + 301_000), AppError, "clocks");
  assertThrows(() => requireFresh(request, NOW - 301_000), AppError, "clocks");
});

Deno.test("an answer is good for one request, from somebody who knows the token", () => {
  const request = pairingRequest(TOKEN, wish);
  const answer = pairingAnswer("join-us", request, "YW5zd2Vy");
  checkAnswer(TOKEN, request, answer);
  const wrong = [
    pairingAnswer("guessed", request, "YW5zd2Vy"),
    { ...answer, statement: "b3RoZXI=" },
    pairingAnswer("join-us", pairingRequest(TOKEN, wish), "YW5zd2Vy"),
    { ...answer, proof: request.proof },
  ];
  for (const one of wrong) {
    assertThrows(() => checkAnswer(TOKEN, request, one), AppError, "does not prove the token");
  }
});
