/**
 * Makes `seeds.json`: keys, certificates and signatures that are the same in every run, so that a finding can be repeated.
 * `deno run -A tests/fuzz/make_seeds.ts` replaces them.
 * @module
 */
import { encodeBase64 } from "./seeds.ts";
import { formatCertificateLine, issueCertificate } from "../../src/ssh/certificate.ts";
import { formatPrivateKey } from "../../src/ssh/private_key.ts";
import { sign } from "../../src/ssh/signature.ts";
import { KEY_KINDS, makeKey } from "../kit/ssh_keys.ts";

const seeds: Record<string, Record<string, string>> = {};
const PASSPHRASE = "fuzz";
for (const kind of KEY_KINDS) {
  const key = makeKey(kind);
  const certificate = issueCertificate(key, {
    kind: "user",
    key: key.publicKey,
    keyId: "joe",
    principals: ["joe", "root"],
    validAfter: 0,
    validBefore: Infinity,
    criticalOptions: { "force-command": "true", "source-address": "127.0.0.0/8,::1/128" },
    extensions: { "permit-pty": "", "teleport-roles": "{}" },
  });
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, formatPrivateKey(key));
  const encrypt = ["-p", "-f", path, "-N", PASSPHRASE, "-P", "", "-a", "1", "-q"];
  await new Deno.Command("ssh-keygen", { args: encrypt }).output();
  seeds[kind] = {
    privateKey: formatPrivateKey(key, "a comment"),
    encryptedKey: await Deno.readTextFile(path),
    publicLine: key.publicKey.toLine(),
    publicBlob: encodeBase64(key.publicKey.blob),
    certificateLine: formatCertificateLine(certificate),
    certificateBlob: encodeBase64(certificate.blob),
    signature: encodeBase64(sign(key, new TextEncoder().encode("signed"))),
  };
  await Deno.remove(path);
}
const file = new URL("./seeds.json", import.meta.url).pathname;
await Deno.writeTextFile(file, `${JSON.stringify(seeds, undefined, 2)}\n`);
