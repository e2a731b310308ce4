/**
 * Keys, certificates and signatures: blobs, lines and files.
 * @module
 */
import { Secret } from "../../../src/base/secret.ts";
import { checkCertificate, parseCertificate, parseCertificateLine } from "../../../src/ssh/certificate.ts";
import { needsPassphrase, parsePrivateKey } from "../../../src/ssh/private_key.ts";
import { parsePublicKey, parsePublicKeyLine, type PublicKey } from "../../../src/ssh/public_key.ts";
import { SIGNATURE_ALGORITHMS, verify } from "../../../src/ssh/signature.ts";
import { readIdentityFile } from "../../../cli/tsh/identity_file.ts";
import { PASSPHRASE, seedsOf } from "../seeds.ts";
import { decode, type FuzzTarget, text } from "../target.ts";

/** RFC 8709: two strings, of 11 and 32 bytes. */
const ED25519_BLOB = 4 + 11 + 4 + 32;
const SIGNED = new TextEncoder().encode("signed");
const authorities: PublicKey[] = seedsOf("publicBlob").map(parsePublicKey);

/** A key that was read must be usable. */
function use(key: PublicKey): void {
  if (key.type === "ssh-ed25519" && key.blob.length !== ED25519_BLOB) {
    throw new Error("a key of another length");
  }
  parsePublicKeyLine(key.toLine());
  for (const signature of seedsOf("signature")) verify(key, signature, SIGNED);
}

function useCertificate(bytes: ReturnType<typeof parseCertificate>): void {
  checkCertificate(bytes, { kind: "user", authorities, principal: "joe", now: 1000 });
  use(bytes.key);
}

let directory = "";

export const keyTargets: FuzzTarget[] = [
  { name: "public_key_blob", seeds: () => seedsOf("publicBlob"), run: (input) => use(parsePublicKey(input)) },
  {
    name: "public_key_line",
    seeds: () => seedsOf("publicLine"),
    run: (input) => use(parsePublicKeyLine(decode(input)).key),
  },
  {
    name: "certificate_blob",
    seeds: () => seedsOf("certificateBlob"),
    run: (input) => useCertificate(parseCertificate(input)),
  },
  {
    name: "certificate_line",
    seeds: () => seedsOf("certificateLine"),
    run: (input) => useCertificate(parseCertificateLine(decode(input))),
  },
  {
    name: "signature",
    seeds: () => seedsOf("signature"),
    run(input) {
      for (const key of authorities) {
        for (const algorithm of [undefined, ...SIGNATURE_ALGORITHMS]) verify(key, input, SIGNED, algorithm);
      }
    },
  },
  {
    name: "private_key",
    seeds: () => seedsOf("privateKey"),
    run(input) {
      needsPassphrase(decode(input));
      parsePrivateKey(decode(input));
    },
  },
  {
    name: "encrypted_key",
    seeds: () => seedsOf("encryptedKey"),
    run: (input) => void parsePrivateKey(decode(input), new Secret(PASSPHRASE)),
  },
  {
    name: "identity_file",
    seeds: () =>
      text(
        ...seedsOf("privateKey").map((key, i) =>
          decode(key) + decode(seedsOf("certificateLine")[i] ?? key) +
          `\n@cert-authority *.cluster ${decode(seedsOf("publicLine")[i] ?? key)}\n`
        ),
      ),
    async start() {
      directory = await Deno.makeTempDir({ prefix: "fuzz-" });
    },
    async run(input) {
      await Deno.writeFile(`${directory}/identity`, input);
      await readIdentityFile(`${directory}/identity`);
    },
    stop: () => Deno.remove(directory, { recursive: true }),
  },
];
