import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { anyText } from "../../tests/kit/arbitrary.ts";
import { AppError } from "../base/errors.ts";
import { Secret } from "../base/secret.ts";
import {
  joinAnswerer,
  joinProof,
  joinQuestion,
  newNonce,
  parseJoinAnswer,
  requireProof,
  sameProof,
} from "./join_proof.ts";

const TOKEN = "the token";
const SESSION = Buffer.from("session id");

/** Plays an auth server that knows the token up to its last question. */
function play() {
  const host = joinAnswerer(new Secret(TOKEN));
  const serverNonce = newNonce();
  const { hostNonce, proof } = parseJoinAnswer(host.answer(joinQuestion.hello(serverNonce), SESSION));
  return { host, proof, transcript: { sessionId: SESSION, serverNonce, hostNonce } };
}

Deno.test("both sides prove the token to each other", () => {
  const { host, proof, transcript } = play();
  assert(sameProof(proof, joinProof("host", TOKEN, transcript)));
  assertEquals(host.proven(), false);
  assertEquals(host.answer(joinQuestion.joined(joinProof("auth", TOKEN, transcript)), SESSION), "ok");
  assertEquals(host.proven(), true);
  requireProof(host);
});

Deno.test("a host that was not shown a proof does not take the server for genuine", () => {
  const fresh = joinAnswerer(new Secret(TOKEN));
  assertThrows(() => requireProof(fresh), AppError, "does not know this join token");
  assertThrows(() => requireProof(play().host), AppError, "does not know this join token");
});

Deno.test("a proof depends on the side, the token, both nonces and the session", () => {
  const transcript = { sessionId: SESSION, serverNonce: newNonce(), hostNonce: newNonce() };
  const proofs = [
    joinProof("host", TOKEN, transcript),
    joinProof("auth", TOKEN, transcript),
    joinProof("host", "other", transcript),
    joinProof("host", TOKEN, { ...transcript, serverNonce: newNonce() }),
    joinProof("host", TOKEN, { ...transcript, hostNonce: newNonce() }),
    joinProof("host", TOKEN, { ...transcript, sessionId: Buffer.from("other") }),
  ];
  assertEquals(new Set(proofs).size, proofs.length);
  assertNotEquals(newNonce(), newNonce());
});

Deno.test("no last question but the right proof is answered", () => {
  const { transcript } = play();
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f]{64}$/)), (proof) => {
      const { host } = play();
      assertThrows(() => host.answer(joinQuestion.joined(proof), SESSION), AppError);
      assertEquals(host.proven(), false);
    }),
  );
  const { host, proof } = play();
  assertThrows(() => host.answer(joinQuestion.joined(proof), SESSION), AppError, "does not know");
  const other = joinProof("auth", TOKEN, { ...transcript, sessionId: Buffer.from("other leg") });
  assertThrows(() => host.answer(joinQuestion.joined(other), SESSION), AppError, "does not know");
});

Deno.test("a proof before the first question, or a second first question, is refused", () => {
  const early = joinAnswerer(new Secret(TOKEN));
  assertThrows(() => early.answer(joinQuestion.joined("0".repeat(64)), SESSION), AppError, "does not know");
  const { host } = play();
  assertThrows(() => host.answer(joinQuestion.hello(newNonce()), SESSION), AppError, "does not know");
});

Deno.test("no question makes the host throw anything but an AppError, nor say the token", () => {
  const question = fc.oneof(
    fc.string(),
    fc.string().map((rest) => joinQuestion.hello(rest)),
    anyText().map((rest) => joinQuestion.refused(rest)),
    fc.constantFrom("teleport-join-1:", "Password: ", ""),
  );
  fc.assert(
    fc.property(fc.array(question, { maxLength: 4 }), (questions) => {
      const host = joinAnswerer(new Secret(TOKEN));
      for (const text of questions) {
        try {
          assertEquals(host.answer(text, SESSION).includes(TOKEN), false);
        } catch (error) {
          assert(error instanceof AppError);
          assertEquals(/[^\x20-\x7e]/.test(error.message), false, "the reason is shown on a terminal");
          assertEquals(error.message.includes(TOKEN), false);
        }
      }
      assertEquals(host.proven(), false);
    }),
    { numRuns: 200 },
  );
});

Deno.test("no join answer makes the server fail with anything but an AppError", () => {
  fc.assert(
    fc.property(
      fc.oneof(anyText(), fc.stringMatching(/^[0-9a-f]{30,34}:[0-9a-f]*$/)),
      (answer) => {
        try {
          const { hostNonce, proof } = parseJoinAnswer(answer);
          assertEquals(hostNonce.length, 32);
          assertEquals(sameProof(proof, "0".repeat(64)), proof === "0".repeat(64));
        } catch (error) {
          assert(error instanceof AppError && error.code === "unauthenticated");
        }
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("two proofs are the same only when both are 64 hex digits and equal", () => {
  const proof = joinProof("host", TOKEN, {
    sessionId: SESSION,
    serverNonce: newNonce(),
    hostNonce: newNonce(),
  });
  assert(sameProof(proof, proof));
  for (
    const other of ["", proof.slice(1), proof.toUpperCase(), `${proof} `, "0".repeat(64), "é".repeat(64)]
  ) {
    assertEquals(sameProof(proof, other), false);
    assertEquals(sameProof(other, proof), false);
  }
  assertEquals(sameProof("", ""), false);
});
