import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect, createServer, type Server, type Socket } from "node:net";
import { useAeadMaker } from "../../src/ssh/cipher.ts";
import {
  type Certificate,
  checkCertificate,
  formatCertificateLine,
  issueCertificate,
} from "../../src/ssh/certificate.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { LIBCRYPTO_PATHS, openLibcrypto } from "../../src/ssh/libcrypto.ts";
import { formatPrivateKey, generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { type HostCredential, SshServer } from "../../src/ssh/server.ts";
import { AppError } from "../../src/base/errors.ts";

interface Fixture extends AsyncDisposable {
  userCa: PrivateKey;
  hostCa: PrivateKey;
  port: number;
  userKey: PrivateKey;
  userCertificate: Certificate;
  directory: string;
}

function certify(ca: PrivateKey, kind: "user" | "host", key: PrivateKey, principals: string[]): Certificate {
  return issueCertificate(ca, {
    kind,
    key: key.publicKey,
    keyId: "test",
    principals,
    validAfter: Date.now() / 1000 - 60,
    validBefore: Date.now() / 1000 + 3600,
    extensions: kind === "user" ? { "permit-pty": "", "permit-port-forwarding": "" } : {},
  });
}

async function startServer(): Promise<Fixture> {
  const [userCa, hostCa, hostKey, userKey] = [generateKey(), generateKey(), generateKey(), generateKey()];
  const hostCredential: HostCredential = {
    key: hostKey,
    certificate: certify(hostCa, "host", hostKey, ["localhost", "127.0.0.1"]),
  };
  const ssh = new SshServer<string>({
    hostCredential,
    authenticator: {
      certificate({ username, certificate }) {
        const why = checkCertificate(certificate, {
          kind: "user",
          authorities: [userCa.publicKey],
          principal: username,
          now: Date.now() / 1000,
        });
        if (why) throw new AppError("unauthenticated", why);
        return certificate.keyId;
      },
    },
    routes: {
      session: (connection) => ({
        exec(channel, command) {
          if (command === "cat") {
            return void channel.pipe(channel, { end: false }).on("unpipe", () => {
              channel.exit(0);
              channel.end();
            });
          }
          channel.write(`${connection.identity} as ${connection.username}: ${command}\n`);
          channel.stderr.write("to stderr\n");
          channel.exit(7);
          channel.end();
        },
      }),
      directTcpip: (_connection, target) => {
        return new Promise((resolve, reject) => {
          const socket: Socket = connect(target.port, target.host, () => resolve(socket));
          socket.once("error", () => reject(new AppError("unavailable", "nobody listens there")));
        });
      },
    },
  });
  const server: Server = createServer((socket) => ssh.accept(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const userCertificate = certify(userCa, "user", userKey, ["joe"]);
  const directory = await Deno.makeTempDir();
  await Deno.writeTextFile(`${directory}/key`, formatPrivateKey(userKey), { mode: 0o600 });
  await Deno.writeTextFile(`${directory}/key-cert.pub`, formatCertificateLine(userCertificate));
  await Deno.writeTextFile(`${directory}/known`, `@cert-authority * ${hostCa.publicKey.toLine()}\n`);
  return {
    userCa,
    hostCa,
    port,
    userKey,
    userCertificate,
    directory,
    async [Symbol.asyncDispose]() {
      ssh.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function openssh(fixture: Fixture, extra: string[], command: string, stdin?: Uint8Array) {
  const child = new Deno.Command("ssh", {
    args: [
      "-F",
      "none",
      "-p",
      `${fixture.port}`,
      "-i",
      `${fixture.directory}/key`,
      "-o",
      `UserKnownHostsFile=${fixture.directory}/known`,
      "-o",
      "StrictHostKeyChecking=yes",
      "-o",
      "IdentitiesOnly=yes",
      "-o",
      "BatchMode=yes",
      ...extra,
      "joe@127.0.0.1",
      command,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  if (stdin) await writer.write(stdin);
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, stdout, text: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

for (const maker of ["libcrypto", "built-in"] as const) {
  const path = LIBCRYPTO_PATHS.find((candidate) => {
    try {
      return Deno.statSync(candidate).isFile;
    } catch {
      return false;
    }
  });
  for (
    const cipher of [
      "chacha20-poly1305@openssh.com",
      "aes128-gcm@openssh.com",
      "aes256-gcm@openssh.com",
      "aes256-ctr",
    ]
  ) {
    Deno.test(`OpenSSH's client logs in with a certificate: ${cipher} by ${maker}`, async () => {
      useAeadMaker(maker === "libcrypto" && path ? openLibcrypto(path) : undefined);
      await using fixture = await startServer();
      const { code, text, stderr } = await openssh(fixture, ["-c", cipher], "hello");
      assertEquals(text, "test as joe: hello\n");
      assertStringIncludes(stderr, "to stderr");
      assertEquals(code, 7);
      const data = crypto.getRandomValues(new Uint8Array(65536));
      const big = new Uint8Array(65536 * 40);
      for (let i = 0; i < 40; i++) big.set(data, i * 65536);
      const echoed = await openssh(fixture, ["-c", cipher], "cat", big);
      assertEquals(echoed.code, 0, echoed.stderr);
      assertEquals(echoed.stdout.length, big.length);
      assertEquals(echoed.stdout, big);
      if (cipher === "aes256-ctr") return; // ssh2's own, which takes no packet above 35,000 bytes
      const long = "x".repeat(120_000); // the most that one argument of a program may have is 128 KiB
      const told = await openssh(fixture, ["-c", cipher], long);
      assertEquals(told.text, `test as joe: ${long}\n`, told.stderr);
    });
  }
}

Deno.test("our client logs in to our server and verifies the host certificate", async () => {
  await using fixture = await startServer();
  const dial = () => connect(fixture.port, "127.0.0.1");
  const credential = { key: fixture.userKey, certificate: fixture.userCertificate };
  const client = await connectSsh({
    stream: dial(),
    username: "joe",
    credential,
    verifyHost(certificate) {
      const why = checkCertificate(certificate, {
        kind: "host",
        authorities: [fixture.hostCa.publicKey],
        principal: "localhost",
        now: Date.now() / 1000,
      });
      if (why) throw new AppError("unauthenticated", why);
    },
  });
  const session = await client.exec("hi");
  let text = "";
  session.stream.on("data", (chunk) => text += chunk);
  assertEquals(await session.exit, { code: 7 });
  assertEquals(text, "test as joe: hi\n");
  await assertRejects(() => client.directTcpip("127.0.0.1", 1), AppError, "nobody listens there");
  client.close();
  await client.closed;
  await assertRejects(
    () =>
      connectSsh({
        stream: dial(),
        username: "joe",
        credential,
        verifyHost: () => {
          throw new AppError("unauthenticated", "not you");
        },
      }),
    AppError,
    "not you",
  );
  await assertRejects(
    () => connectSsh({ stream: dial(), username: "root", credential, verifyHost: () => {} }),
    AppError,
    "refused the login",
  );
});
