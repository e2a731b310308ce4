import { assert, assertEquals } from "@std/assert";
import { generateKeyPairSync, sign as cryptoSign } from "node:crypto";
import fc from "fast-check";
import { PrivateKey } from "./private_key.ts";
import { fromJwk } from "./public_key.ts";
import { sign, verify } from "./signature.ts";
import { WireReader, WireWriter } from "./wire.ts";

const make = (key: ReturnType<typeof generateKeyPairSync>["privateKey"]) =>
  new PrivateKey(key, fromJwk(key.export({ format: "jwk" })));
const RSA = make(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
const ED25519 = make(generateKeyPairSync("ed25519").privateKey);
const KEYS = [
  ED25519,
  RSA,
  make(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
  make(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey),
  make(generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey),
];
const anyKey = fc.constantFrom(...KEYS);
const DATA = new TextEncoder().encode("to be signed");

Deno.test("every kind of key verifies what it signed", () => {
  fc.assert(
    fc.property(anyKey, fc.uint8Array(), (key, data) => verify(key.publicKey, sign(key, data), data)),
  );
});

Deno.test("no change of one bit in a signature verifies", () => {
  const signatures = KEYS.map((key) => ({ key, signature: sign(key, DATA) }));
  for (const { key, signature } of signatures) {
    // Every bit of the quick ones, one bit of every byte of the others.
    const step = key === ED25519 ? 1 : 9;
    for (let bit = 0; bit < signature.length * 8; bit += step) {
      const changed = Uint8Array.from(signature);
      const at = bit >> 3;
      changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
      assertEquals(verify(key.publicKey, changed, DATA), false, `${key.publicKey.type} bit ${bit}`);
    }
  }
});

Deno.test("no change of one bit in the data verifies", () => {
  fc.assert(
    fc.property(anyKey, fc.uint8Array({ minLength: 1 }), fc.nat(), (key, data, bit) => {
      const changed = Uint8Array.from(data);
      const at = (bit >> 3) % changed.length;
      changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
      return !verify(key.publicKey, sign(key, data), changed);
    }),
  );
});

Deno.test("no bytes verify as a signature, and none make the check throw", () => {
  fc.assert(
    fc.property(
      anyKey,
      fc.uint8Array({ maxLength: 200 }),
      (key, bytes) => !verify(key.publicKey, bytes, DATA),
    ),
  );
  fc.assert(
    fc.property(anyKey, fc.uint8Array({ maxLength: 200 }), (key, bytes) => {
      const blob = new WireWriter().string(key.publicKey.type).string(bytes).bytes();
      return !verify(key.publicKey, blob, DATA);
    }),
  );
  fc.assert(
    fc.property(anyKey, fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 80 }), (key, r, s) => {
      const inner = new WireWriter().string(r).string(s).bytes();
      return !verify(key.publicKey, new WireWriter().string(key.publicKey.type).string(inner).bytes(), DATA);
    }),
  );
});

Deno.test("a signature by one key does not verify by another", () => {
  for (const signer of KEYS) {
    for (const key of KEYS) assertEquals(verify(key.publicKey, sign(signer, DATA), DATA), key === signer);
  }
});

Deno.test("an RSA signature with SHA-1, or under a name that objects have, is never accepted", () => {
  for (const algorithm of ["ssh-rsa", "rsa-sha1", "constructor", "__proto__", "toString", "sha512"]) {
    const bytes = cryptoSign("sha1", DATA, RSA.keyObject);
    assertEquals(
      verify(RSA.publicKey, new WireWriter().string(algorithm).string(bytes).bytes(), DATA),
      false,
    );
    const strong = cryptoSign("sha512", DATA, RSA.keyObject);
    assertEquals(
      verify(RSA.publicKey, new WireWriter().string(algorithm).string(strong).bytes(), DATA),
      false,
    );
  }
});

Deno.test("only the announced algorithm is accepted when one was announced", () => {
  const signature = sign(RSA, DATA, "rsa-sha2-256");
  assert(verify(RSA.publicKey, signature, DATA));
  assert(verify(RSA.publicKey, signature, DATA, "rsa-sha2-256"));
  assertEquals(verify(RSA.publicKey, signature, DATA, "rsa-sha2-512"), false);
  assertEquals(
    verify(ED25519.publicKey, sign(ED25519, DATA), DATA, "ssh-ed25519-cert-v01@openssh.com"),
    false,
  );
});

Deno.test("bytes after a signature, outside or inside, are refused", () => {
  for (const key of KEYS) {
    const signature = sign(key, DATA);
    assertEquals(verify(key.publicKey, new WireWriter().raw(signature).byte(0).bytes(), DATA), false);
    const reader = new WireReader(signature);
    const inner = new WireWriter().string(reader.string()).string(
      new WireWriter().raw(reader.string()).byte(0).bytes(),
    );
    assertEquals(verify(key.publicKey, inner.bytes(), DATA), false);
  }
});
