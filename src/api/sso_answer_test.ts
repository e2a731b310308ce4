import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../base/errors.ts";
import { Secret } from "../base/secret.ts";
import { checkAnswerSecret, newAnswerSecret, openAnswer, sealAnswer, type SsoAnswer } from "./sso_answer.ts";

const ANSWER: SsoAnswer = {
  result: "in",
  user: "joe",
  certificate: "c",
  cluster: "main",
  hostAuthorities: ["k"],
};

Deno.test("an answer is opened with its own secret and no other, and not after a change of any part", () => {
  const secret = new Secret(newAnswerSecret());
  checkAnswerSecret(secret.reveal());
  const sealed = sealAnswer(secret, ANSWER);
  assertEquals(openAnswer(secret, sealed), ANSWER);
  assertEquals(openAnswer(secret, sealAnswer(secret, { result: "failed", why: "taken" })), {
    result: "failed",
    why: "taken",
  });
  const refused = (text: string, with_ = secret) =>
    assertThrows(() => openAnswer(with_, text), AppError, "does not belong");
  refused(sealed, new Secret(newAnswerSecret()));
  for (let i = 0; i < sealed.length; i += 7) {
    refused(sealed.slice(0, i) + (sealed[i] === "A" ? "B" : "A") + sealed.slice(i + 1));
  }
  for (const text of ["", "A", sealed.slice(0, 40), "%%%"]) refused(text);
});

Deno.test("a secret that is not 32 bytes is refused", () => {
  for (const text of ["", "short", "x".repeat(44), "=".repeat(43)]) {
    assertThrows(() => checkAnswerSecret(text), AppError);
  }
});
