import { assert, assertEquals, assertThrows } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { anyText } from "../../tests/kit/arbitrary.ts";
import { AppError } from "../base/errors.ts";
import {
  type Certificate,
  type CertificateTemplate,
  checkCertificate,
  formatCertificateLine,
  isPrincipal,
  issueCertificate,
  parseCertificate,
  parseCertificateLine,
} from "./certificate.ts";
import { generateKey, PrivateKey } from "./private_key.ts";
import { fromJwk } from "./public_key.ts";

const make = (key: ReturnType<typeof generateKeyPairSync>["privateKey"]) =>
  new PrivateKey(key, fromJwk(key.export({ format: "jwk" })));
const KEYS = [
  generateKey(),
  make(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey),
  make(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
  make(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey),
  make(generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey),
];
const [CA = generateKey()] = KEYS;
const NOW = 1_800_000_000;

const template = (change: Partial<CertificateTemplate> = {}): CertificateTemplate => ({
  kind: "user",
  key: CA.publicKey,
  keyId: "joe",
  principals: ["joe"],
  validAfter: NOW - 60,
  validBefore: NOW + 60,
  ...change,
});
const check = (certificate: Certificate, now = NOW) =>
  checkCertificate(certificate, { kind: "user", authorities: [CA.publicKey], now, principal: "joe" });

/** Parses and checks as a server does; true when the certificate is accepted. */
function accepted(blob: Uint8Array): boolean {
  try {
    return check(parseCertificate(blob)) === undefined;
  } catch (error) {
    assert(error instanceof AppError && error.code === "bad_input", `${error}`);
    return false;
  }
}

const principal = anyText({ minLength: 1, maxLength: 40 }).filter(isPrincipal);
const options = fc.dictionary(fc.string({ maxLength: 20 }), anyText({ maxLength: 40 }), {
  maxKeys: 5,
});

Deno.test("what was issued is read back, for every kind of key and authority", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...KEYS),
      fc.constantFrom(...KEYS),
      fc.record({
        kind: fc.constantFrom("user" as const, "host" as const),
        keyId: anyText({ maxLength: 40 }),
        principals: fc.uniqueArray(principal, { minLength: 1, maxLength: 5 }),
        serial: fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
        validAfter: fc.nat(),
        validBefore: fc.oneof(fc.nat(), fc.constant(Infinity)),
        criticalOptions: options,
        extensions: options,
      }),
      (authority, key, fields) => {
        const issued = issueCertificate(authority, { ...fields, key: key.publicKey });
        for (
          const read of [
            parseCertificate(issued.blob),
            parseCertificateLine(formatCertificateLine(issued, "c")),
          ]
        ) {
          assert(read.key.equals(key.publicKey));
          assert(read.authority.equals(authority.publicKey));
          assertEquals(read.kind, fields.kind);
          assertEquals(read.keyId, fields.keyId);
          assertEquals(read.principals, fields.principals);
          assertEquals(read.serial, fields.serial);
          assertEquals(read.validAfter, fields.validAfter);
          assertEquals(read.validBefore, fields.validBefore);
          assertEquals({ ...Object.fromEntries(read.criticalOptions) }, { ...fields.criticalOptions });
          assertEquals({ ...Object.fromEntries(read.extensions) }, { ...fields.extensions });
        }
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("no bytes make the certificate parser fail with anything but an AppError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => !accepted(bytes)), { numRuns: 500 });
});

Deno.test("no change of a valid certificate is accepted, nor makes the parser fail with anything but an AppError", () => {
  const certificates = KEYS.map((key) => issueCertificate(CA, template({ key: key.publicKey })));
  const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(
      fc.constantFrom(...certificates),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      (valid, changes) => {
        const blob = Uint8Array.from(valid.blob);
        for (const [at, by] of changes) blob[at % blob.length] = (blob[at % blob.length] ?? 0) ^ by;
        return !accepted(blob) || valid.blob.equals(blob);
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("no part of a valid certificate is accepted, and nothing with bytes after it", () => {
  const { blob } = issueCertificate(CA, template());
  assert(accepted(blob));
  for (let length = 0; length < blob.length; length++) {
    assertEquals(accepted(blob.subarray(0, length)), false);
  }
  assertEquals(accepted(Uint8Array.from([...blob, 0])), false);
});

Deno.test("a certificate does not change when the buffer it was read from does", () => {
  const bytes = Uint8Array.from(issueCertificate(CA, template()).blob);
  const certificate = parseCertificate(bytes);
  bytes.fill(0);
  assertEquals(check(certificate), undefined);
  assertEquals(certificate.principals, ["joe"]);
});

Deno.test("a certificate is good from its first second to the one before its last", () => {
  const certificate = issueCertificate(CA, template());
  assertEquals(check(certificate, NOW - 61), "the certificate is not valid yet");
  assertEquals(check(certificate, NOW - 60), undefined);
  assertEquals(check(certificate, NOW + 59), undefined);
  assertEquals(check(certificate, NOW + 60), "the certificate has expired");
  const endless = issueCertificate(CA, template({ validBefore: Infinity }));
  assertEquals(check(endless, Number.MAX_SAFE_INTEGER), undefined);
});

Deno.test("only those authorities sign that are trusted for the kind", () => {
  const certificate = issueCertificate(CA, template());
  const expect = { kind: "user", now: NOW } as const;
  const untrusted = "the certificate is signed by an authority that is not trusted for users";
  assertEquals(checkCertificate(certificate, { ...expect, authorities: [] }), untrusted);
  assertEquals(
    checkCertificate(certificate, { ...expect, authorities: [generateKey().publicKey] }),
    untrusted,
  );
  const several = [generateKey().publicKey, CA.publicKey];
  assertEquals(checkCertificate(certificate, { ...expect, authorities: several }), undefined);
});

Deno.test("the signature is looked at before anything that an attacker could have written", () => {
  const certificate = issueCertificate(CA, template({ kind: "host", validBefore: 0 }));
  const forged = { ...certificate, signature: issueCertificate(CA, template()).signature };
  assertEquals(check(forged), "the certificate's signature is wrong");
});

Deno.test("a critical option is refused unless the caller enforces it", () => {
  const certificate = issueCertificate(CA, template({ criticalOptions: { "force-command": "true" } }));
  const expect = { kind: "user", authorities: [CA.publicKey], now: NOW } as const;
  assertEquals(
    checkCertificate(certificate, expect),
    "the certificate has a critical option that is not understood: force-command",
  );
  assertEquals(checkCertificate(certificate, { ...expect, understoodOptions: ["force-command"] }), undefined);
});

Deno.test("a principal with a comma, blank or control character is neither issued nor taken for safe", () => {
  for (
    const name of [
      "",
      "a,b",
      "a b",
      "a\tb",
      "a\nb",
      "a\u0000b",
      "a\u007fb",
      "a\u009bb",
      "a\u00a0b",
      "a\u2028b",
    ]
  ) {
    assertEquals(isPrincipal(name), false, JSON.stringify(name));
    assertThrows(
      () => issueCertificate(CA, template({ principals: ["joe", name] })),
      AppError,
      "unsafe principal",
    );
  }
  assertThrows(() => issueCertificate(CA, template({ principals: [] })), AppError, "no principal");
});

Deno.test("a certificate can neither be certified nor sign", () => {
  const certificate = issueCertificate(CA, template());
  const asKey = { ...certificate.key, type: certificate.type, blob: certificate.blob };
  assertThrows(
    () => issueCertificate(CA, template({ key: Object.assign(Object.create(certificate.key), asKey) })),
    AppError,
  );
});

Deno.test("a certificate with more principals than anyone needs is refused", () => {
  const principals = (count: number) => Array.from({ length: count }, (_, i) => `user${i}`);
  assertEquals(issueCertificate(CA, template({ principals: principals(256) })).principals.length, 256);
  assertThrows(
    () => issueCertificate(CA, template({ principals: principals(257) })),
    AppError,
    "too many principals",
  );
});
