/**
 * Our certificates in the eyes of OpenSSH, and its certificates in ours.
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { addressAllowed } from "../../src/api/source_address.ts";
import { AppError } from "../../src/base/errors.ts";
import {
  checkCertificate,
  formatCertificateLine,
  issueCertificate,
  parseCertificateLine,
} from "../../src/ssh/certificate.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { formatPrivateKey } from "../../src/ssh/private_key.ts";
import { LOGIN } from "../kit/machine.ts";
import { run } from "../kit/run.ts";
import { certify, KEY_KINDS, makeKey } from "../kit/ssh_keys.ts";
import { Sshd } from "../kit/sshd.ts";

const now = () => Math.floor(Date.now() / 1000);

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "certificates-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("ssh-keygen prints our certificates, for every kind of key and CA", () =>
  inDirectory(async (directory) => {
    for (const caKind of KEY_KINDS) {
      const ca = makeKey(caKind);
      for (const kind of KEY_KINDS) {
        for (const holder of ["user", "host"] as const) {
          const key = makeKey(kind);
          const certificate = issueCertificate(ca, {
            kind: holder,
            key: key.publicKey,
            keyId: "joe@example.com",
            principals: ["joe", "admin-ö"],
            serial: 7n,
            validAfter: now() - 60,
            validBefore: holder === "user" ? now() + 3600 : Infinity,
            criticalOptions: holder === "user"
              ? { "force-command": "/usr/bin/backup", "source-address": "10.0.0.0/8,::1" }
              : {},
            extensions: holder === "user"
              ? { "permit-pty": "", "permit-port-forwarding": "", "teleport-roles": '{"roles":["a"]}' }
              : {},
          });
          const path = `${directory}/cert.pub`;
          await Deno.writeTextFile(path, `${formatCertificateLine(certificate)}\n`);
          const { code, stdout, stderr } = await run("ssh-keygen", ["-L", "-f", path]);
          const what = `${holder} ${kind} by ${caKind}:\n${stdout}`;
          assertEquals(code, 0, stderr);
          assertStringIncludes(stdout, `Type: ${certificate.type} ${holder} certificate`, what);
          assertStringIncludes(stdout, `${key.publicKey.fingerprint}\n`, what);
          assertStringIncludes(stdout, ca.publicKey.fingerprint, what);
          assertStringIncludes(stdout, `Key ID: "joe@example.com"`, what);
          assertStringIncludes(stdout, "Serial: 7\n", what);
          assertStringIncludes(stdout, "joe\n", what);
          if (caKind === "rsa") assertStringIncludes(stdout, "(using rsa-sha2-512)", what);
          if (holder === "host") {
            assertStringIncludes(stdout, "Valid: after ", what);
            continue;
          }
          assertStringIncludes(stdout, "force-command /usr/bin/backup\n", what);
          assertStringIncludes(stdout, "source-address 10.0.0.0/8,::1\n", what);
          assertStringIncludes(stdout, "permit-pty\n", what);
          assertStringIncludes(stdout, "permit-port-forwarding\n", what);
          assertStringIncludes(stdout, "teleport-roles UNKNOWN", what);
        }
      }
    }
  }));

Deno.test("certificates that ssh-keygen signs are read and accepted, for every kind of key and CA", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/key`;
    for (const caKind of KEY_KINDS) {
      const ca = makeKey(caKind);
      await Deno.writeTextFile(`${directory}/ca`, formatPrivateKey(ca), { mode: 0o600 });
      for (const kind of KEY_KINDS) {
        const key = makeKey(kind);
        await Deno.writeTextFile(`${path}.pub`, `${key.publicKey.toLine()}\n`);
        const algorithms = caKind === "rsa" ? ["rsa-sha2-256", "rsa-sha2-512"] : [undefined];
        for (const algorithm of algorithms) {
          const { code, stderr } = await run("ssh-keygen", [
            ...["-q", "-s", `${directory}/ca`, "-I", "joe", "-n", "joe,ann", "-V", "-1m:+1h", "-z", "9"],
            ...["-O", "force-command=true", "-O", "source-address=10.0.0.0/8", "-O", "extension:x@y=z"],
            ...(algorithm ? ["-t", algorithm] : []),
            `${path}.pub`,
          ]);
          assertEquals(code, 0, stderr);
          const certificate = parseCertificateLine(await Deno.readTextFile(`${path}-cert.pub`));
          const expected = {
            kind: "user",
            authorities: [ca.publicKey],
            principal: "ann",
            now: now(),
            understoodOptions: ["force-command", "source-address"],
          } as const;
          assertEquals(checkCertificate(certificate, expected), undefined, `${kind} by ${caKind}`);
          assert(certificate.key.equals(key.publicKey));
          assertEquals(certificate.criticalOptions.get("source-address"), "10.0.0.0/8");
          assertEquals(certificate.extensions.get("x@y"), "z"); // unknown, and no reason to refuse
          const { understoodOptions: _, ...strict } = expected;
          assertStringIncludes(checkCertificate(certificate, strict) ?? "", "not understood: force-command");
        }
      }
    }
  }));

Deno.test("an RSA certificate signed with SHA-1 is refused", () =>
  inDirectory(async (directory) => {
    const [ca, key] = [makeKey("rsa"), makeKey("ed25519")];
    await Deno.writeTextFile(`${directory}/ca`, formatPrivateKey(ca), { mode: 0o600 });
    await Deno.writeTextFile(`${directory}/key.pub`, `${key.publicKey.toLine()}\n`);
    const args = ["-q", "-s", `${directory}/ca`, "-I", "joe", "-n", "joe", "-t", "ssh-rsa"];
    const { code, stderr } = await run("ssh-keygen", [...args, `${directory}/key.pub`]);
    assertEquals(code, 0, stderr);
    const certificate = parseCertificateLine(await Deno.readTextFile(`${directory}/key-cert.pub`));
    assertEquals(
      checkCertificate(certificate, { kind: "user", authorities: [ca.publicKey], now: now() }),
      "the certificate's signature is wrong",
    );
  }));

Deno.test("`source-address` opens and closes OpenSSH's server exactly as ours", async () => {
  await using sshd = await Sshd.prepare(["LogLevel VERBOSE"]);
  const port = await sshd.listen();
  const lists = [
    "127.0.0.1",
    "127.0.0.0/8",
    "10.0.0.0/8",
    "10.0.0.0/8,127.0.0.1",
    "127.0.0.1,10.0.0.0/8,2001:db8::/32",
    "0.0.0.0/0",
    "::/0",
    "::1,127.0.0.0/31",
    "127.0.0.2/31",
    // malformed
    "",
    "127.0.0.1/8",
    "127.0.0.1,",
    "127.0.0.1, 10.0.0.1",
    "127.0.0.1,*",
    "127.0.0.1/33",
    "127.0.0.*",
    "!10.0.0.1,127.0.0.1",
    "localhost",
  ];
  const login = async (list: string): Promise<boolean> => {
    const key = makeKey("ed25519");
    const change = { criticalOptions: { "source-address": list } };
    const certificate = certify(sshd.userCas.ed25519, "user", key, [LOGIN], change);
    try {
      const client = await connectSsh({
        stream: sshd.dial(port),
        username: LOGIN,
        credential: { key, certificate },
        verifyHost: () => {},
      });
      client.close();
      await client.closed;
      return true;
    } catch (error) {
      assert(error instanceof AppError && error.code === "unauthenticated", `${list}: ${error}`);
      return false;
    }
  };
  const results = await Promise.all(lists.map(login));
  for (const [index, list] of lists.entries()) {
    assertEquals(results[index], addressAllowed("127.0.0.1", list), `"${list}"`);
  }
  assertEquals(results.filter(Boolean).length, 6);
});
