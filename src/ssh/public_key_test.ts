import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { anyText } from "../../tests/kit/arbitrary.ts";
import { AppError } from "../base/errors.ts";
import { generateKey } from "./private_key.ts";
import { fromJwk, parsePublicKey, parsePublicKeyLine, printable, type PublicKey } from "./public_key.ts";
import { verify } from "./signature.ts";
import { WireWriter } from "./wire.ts";

const rsa = (bits: number): PublicKey =>
  fromJwk(generateKeyPairSync("rsa", { modulusLength: bits }).publicKey.export({ format: "jwk" }));
const ec = (namedCurve: string): PublicKey =>
  fromJwk(generateKeyPairSync("ec", { namedCurve }).publicKey.export({ format: "jwk" }));

const KEYS = [generateKey().publicKey, rsa(2048), ec("P-256"), ec("P-384"), ec("P-521")];

/** Parses, and uses what was parsed as a server would. */
function use(blob: Uint8Array): void {
  try {
    const key = parsePublicKey(blob);
    verify(key, new WireWriter().string(key.type).string("x").bytes(), new Uint8Array(1));
    assert(key.keyObject.type === "public");
  } catch (error) {
    assert(error instanceof AppError, `${error}`);
  }
}

Deno.test("every kind of key is read back from its blob and from its line", () => {
  for (const key of KEYS) {
    assert(parsePublicKey(key.blob).equals(key));
    const parsed = parsePublicKeyLine(key.toLine("a comment with blanks"));
    assert(parsed.key.equals(key));
    assertEquals(parsed.comment, "a comment with blanks");
    assertEquals(parsed.key.fingerprint, key.fingerprint);
    assert(fromJwk(key.keyObject.export({ format: "jwk" })).equals(key));
  }
  assertEquals(KEYS.map(({ type }) => type), [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
  ]);
});

Deno.test("no bytes make the key parser fail with anything but an AppError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), use), { numRuns: 500 });
});

Deno.test("no fields after a key type make the key parser fail with anything but an AppError", () => {
  const type = fc.constantFrom(
    ...KEYS.map((key) => key.type),
    "ssh-dss",
    "constructor",
    "ecdsa-sha2-toString",
    "",
  );
  const fields = fc.array(fc.uint8Array({ maxLength: 140 }), { maxLength: 4 });
  fc.assert(
    fc.property(type, fields, (name, parts) => {
      const writer = new WireWriter().string(name);
      for (const part of parts) writer.string(part);
      use(writer.bytes());
    }),
    { numRuns: 1000 },
  );
});

Deno.test("no change of a valid key makes the key parser fail with anything but an AppError", () => {
  fc.assert(
    fc.property(fc.constantFrom(...KEYS), fc.nat(), fc.nat(255), fc.nat(), (key, at, value, length) => {
      const blob = Uint8Array.from(key.blob);
      blob[at % blob.length] = value;
      use(blob);
      use(blob.subarray(0, length % blob.length));
    }),
    { numRuns: 500 },
  );
});

Deno.test("a key that was cut off or has bytes after its end is refused", () => {
  for (const key of KEYS) {
    for (let length = 0; length < key.blob.length; length++) {
      assertThrows(() => parsePublicKey(key.blob.subarray(0, length)), AppError);
    }
    assertThrows(
      () => parsePublicKey(new WireWriter().raw(key.blob).byte(0).bytes()),
      AppError,
      "bytes after",
    );
  }
});

Deno.test("an Ed25519 key of another length, and an RSA key of too few or too many bits, is refused", () => {
  for (const length of [0, 1, 31, 33, 64]) {
    const blob = new WireWriter().string("ssh-ed25519").string(new Uint8Array(length)).bytes();
    assertThrows(() => parsePublicKey(blob), AppError, "32 bytes");
  }
  const modulus = (bytes: number) => new Uint8Array(bytes).fill(0xff);
  for (const bytes of [0, 1, 128, 255, 2049, 8000]) {
    const blob = new WireWriter().string("ssh-rsa").mpint(Uint8Array.from([1, 0, 1])).mpint(modulus(bytes))
      .bytes();
    assertThrows(() => parsePublicKey(blob), AppError, "bits");
  }
  for (const exponent of [[], [0], [2], new Array<number>(9).fill(0xff)]) {
    const blob = new WireWriter().string("ssh-rsa").string(Uint8Array.from(exponent)).mpint(modulus(256))
      .bytes();
    assertThrows(() => parsePublicKey(blob), AppError, "exponent");
  }
});

Deno.test("one key has one blob: a number with zeros before it is the same key", () => {
  const jwk = KEYS[1]?.keyObject.export({ format: "jwk" });
  const n = [0, 0, ...Buffer.from(jwk?.n ?? "", "base64url")];
  const blob = new WireWriter().string("ssh-rsa").string(Uint8Array.from([0, 1, 0, 1])).string(
    Uint8Array.from(n),
  ).bytes();
  assertEquals(parsePublicKey(blob).fingerprint, KEYS[1]?.fingerprint);
});

Deno.test("a line that is no key line, or names another type than the key's, is refused", () => {
  const [ed25519] = KEYS;
  const encoded = ed25519?.toLine().split(" ")[1] ?? "";
  for (
    const line of [
      "",
      " ",
      "ssh-ed25519",
      `ssh-rsa ${encoded}`,
      `${encoded} ssh-ed25519`,
      `ssh-ed25519 ${encoded}\nx`,
    ]
  ) {
    assertThrows(() => parsePublicKeyLine(line), AppError);
  }
});

Deno.test("text from a peer is made printable", () => {
  fc.assert(
    fc.property(anyText({ maxLength: 200 }), (text) => {
      // deno-lint-ignore no-control-regex
      assertEquals(/[\u0000-\u001f\u007f-\u009f"\\]/.test(printable(text)), false);
      assert(printable(text).length <= 80);
    }),
  );
});
