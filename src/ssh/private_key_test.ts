import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { anyText } from "../../tests/kit/arbitrary.ts";
import { AppError } from "../base/errors.ts";
import { formatPrivateKey, parsePrivateKey, PrivateKey } from "./private_key.ts";
import { fromJwk } from "./public_key.ts";
import { sign, verify } from "./signature.ts";

const pems = [
  generateKeyPairSync("ed25519").privateKey,
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
  generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey,
];
const KEYS = pems.map((key) => new PrivateKey(key, fromJwk(key.export({ format: "jwk" }))));
const DATA = new TextEncoder().encode("to be signed");

const LINE = "-----";
const armour = (body: string) =>
  `${LINE}BEGIN OPENSSH PRIVATE KEY${LINE}\n${body}\n${LINE}END OPENSSH PRIVATE KEY${LINE}\n`;

function parses(text: string): boolean {
  try {
    sign(parsePrivateKey(text), DATA);
    return true;
  } catch (error) {
    assert(error instanceof AppError, `${error}`);
    return false;
  }
}

Deno.test("every kind of key is read back from its OpenSSH file and signs as before", () => {
  for (const key of KEYS) {
    const again = parsePrivateKey(formatPrivateKey(key, "a comment"));
    assert(again.publicKey.equals(key.publicKey));
    assert(verify(key.publicKey, sign(again, DATA), DATA));
  }
});

Deno.test("PKCS#8 files are read", () => {
  for (const [i, pem] of pems.entries()) {
    const key = parsePrivateKey(pem.export({ format: "pem", type: "pkcs8" }).toString());
    assertEquals(key.publicKey.fingerprint, KEYS[i]?.publicKey.fingerprint);
  }
});

Deno.test("no text makes the key file parser fail with anything but an AppError", () => {
  fc.assert(fc.property(anyText(), (text) => void assertEquals(parses(text), false)));
  fc.assert(fc.property(fc.base64String(), (body) => void assertEquals(parses(armour(body)), false)));
});

Deno.test("no change of a key file makes the parser fail with anything but an AppError", () => {
  const files = KEYS.map((key) =>
    Buffer.from(formatPrivateKey(key).split("\n").slice(1, -2).join(""), "base64")
  );
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.nat(), fc.nat(255), fc.boolean(), (file, at, value, cut) => {
      const changed = Buffer.from(file);
      changed[at % changed.length] = value;
      parses(armour((cut ? changed.subarray(0, at % changed.length) : changed).toString("base64")));
    }),
    { numRuns: 500 },
  );
});

Deno.test("padding that is not 1, 2, 3 ... means that the file is damaged", () => {
  const [key] = KEYS;
  assert(key);
  const body = Buffer.from(formatPrivateKey(key, "abc").split("\n").slice(1, -2).join(""), "base64");
  assertEquals([...body.subarray(-2)], [1, 2]);
  for (const last of [0, 1, 3, 255]) {
    body[body.length - 1] = last;
    assertThrows(() => parsePrivateKey(armour(body.toString("base64"))), AppError, "damaged");
  }
});

Deno.test("a private key shows nothing of itself in JSON, inspection or text", () => {
  const [key] = KEYS;
  const shown = [JSON.stringify({ key }), Deno.inspect(key), `${key}`].join(" ");
  assertEquals(shown.includes("PRIVATE"), false);
  const d = String(pems[0]?.export({ format: "jwk" }).d);
  assertEquals(shown.includes(d), false);
});
