import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { anyText } from "../../tests/kit/arbitrary.ts";
import { AppError } from "../base/errors.ts";
import { issueCertificate } from "../ssh/certificate.ts";
import { generateKey } from "../ssh/private_key.ts";
import {
  formatHostCredentials,
  type HostCredentials,
  parseHostCredentials,
  trustOf,
} from "./host_identity.ts";

const [userCa, hostCa, key] = [generateKey(), generateKey(), generateKey()];
const CREDENTIALS: HostCredentials = {
  cluster: "test.example.com",
  hostId: crypto.randomUUID(),
  key,
  certificate: issueCertificate(hostCa, {
    kind: "host",
    key: key.publicKey,
    keyId: "x",
    principals: ["luna"],
    validAfter: 0,
    validBefore: Infinity,
  }),
  authorities: [
    { kind: "user", cluster: "test.example.com", keys: [userCa.publicKey.toLine()] },
    { kind: "host", cluster: "test.example.com", keys: [hostCa.publicKey.toLine("comment")] },
  ],
};
const TEXT = formatHostCredentials(CREDENTIALS);

function load(text: string): boolean {
  try {
    const { cluster, authorities } = parseHostCredentials(text);
    trustOf(cluster, authorities);
    return true;
  } catch (error) {
    assert(error instanceof AppError && error.code === "bad_input", `${error}`);
    return false;
  }
}

Deno.test("an identity file gives back what was written", () => {
  const read = parseHostCredentials(TEXT);
  assertEquals(read.cluster, CREDENTIALS.cluster);
  assertEquals(read.hostId, CREDENTIALS.hostId);
  assertEquals(read.authorities, CREDENTIALS.authorities);
  assert(read.certificate.blob.equals(CREDENTIALS.certificate.blob));
  assert(read.key.publicKey.equals(key.publicKey));
  assertEquals(formatHostCredentials(read).length, TEXT.length);
});

Deno.test("no text is loaded as an identity file, nor fails with anything but an AppError", () => {
  fc.assert(fc.property(fc.oneof(anyText(), fc.json()), (text) => !load(text)));
});

Deno.test("an identity file with a field missing or of another kind is refused as damaged", () => {
  const file = JSON.parse(TEXT);
  const fields = Object.keys(file).filter((name) => name !== "version");
  fc.assert(
    fc.property(
      fc.constantFrom(...fields),
      fc.oneof(fc.jsonValue(), fc.constant(undefined)),
      (name, value) => {
        if (typeof value === "string" && (name === "cluster" || name === "hostId")) return true;
        if (name === "authorities" && Array.isArray(value) && value.length === 0) return true;
        return !load(JSON.stringify({ ...file, [name]: value }));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("an identity file with one character changed loads or is refused with an AppError", () => {
  fc.assert(
    fc.property(fc.nat(TEXT.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
      load(TEXT.slice(0, at) + character + TEXT.slice(at + 1));
    }),
    { numRuns: 500 },
  );
  for (let length = 0; length < TEXT.length - 1; length += 7) {
    assertThrows(() => parseHostCredentials(TEXT.slice(0, length)), AppError, "damaged");
  }
});

Deno.test("the trusted keys are those of this cluster, each for its purpose", () => {
  const foreign = {
    kind: "host" as const,
    cluster: "other.example.com",
    keys: [generateKey().publicKey.toLine()],
  };
  const trust = trustOf("test.example.com", [...CREDENTIALS.authorities, foreign]);
  assertEquals(trust.user.map(({ fingerprint }) => fingerprint), [userCa.publicKey.fingerprint]);
  assertEquals(trust.host.map(({ fingerprint }) => fingerprint), [hostCa.publicKey.fingerprint]);
  assertEquals(trustOf("none.example.com", CREDENTIALS.authorities).host, []);
});
