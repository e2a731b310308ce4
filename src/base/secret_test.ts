import { assertEquals } from "@std/assert";
import { inspect } from "node:util";
import fc from "fast-check";
import { equalInConstantTime, Secret } from "./secret.ts";

Deno.test("a secret shows nothing of itself wherever it is printed", () => {
  const secret = new Secret("hunter2");
  const shown = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret }),
    Deno.inspect(secret),
    inspect({ secret }),
    JSON.stringify(Object.entries(secret)),
    new Error(`failed with ${secret}`).message,
  ];
  assertEquals(shown.filter((text) => text.includes("hunter2")), []);
  assertEquals(secret.reveal(), "hunter2");
});

Deno.test("two texts are equal in constant time exactly when they are equal", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => equalInConstantTime(a, b) === (a === b)));
  fc.assert(fc.property(fc.string(), (a) => equalInConstantTime(a, a)));
});
