// Keys are changed while data runs, with OpenSSH as each peer and asked for by each side. LONG=1 moves 3 GiB each way.
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { parseCertificate } from "../../src/ssh/certificate.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { EchoServer } from "../kit/echo_server.ts";
import { certify, makeKey } from "../kit/ssh_keys.ts";
import { Sshd } from "../kit/sshd.ts";

const MIB = 1024 * 1024;
const AMOUNT = (Deno.env.has("LONG") ? 3072 : 96) * MIB;
const EVERY = { bytes: MIB };

/** Bytes that look random, without end, made of one block. */
const BLOCK = new Uint8Array(MIB);
for (let i = 0, state = 1; i < BLOCK.length; i++) {
  state = (state * 1103515245 + 12345) & 0x7fffffff;
  BLOCK[i] = state >> 16;
}

function digestOfAll(): string {
  const hash = createHash("md5");
  for (let left = AMOUNT; left > 0; left -= BLOCK.length) hash.update(BLOCK);
  return hash.digest("hex");
}

/** Sends everything through `ssh ... cat` and gives the digest of what comes back, and the number of key exchanges. */
async function throughSsh(
  server: EchoServer,
  args: string[],
): Promise<{ digest: string; exchanges: number }> {
  const identity = await server.identity(makeKey("ed25519"));
  const child = new Deno.Command("ssh", {
    args: ["-i", identity, ...args, ...await server.arguments(), "joe@127.0.0.1", "cat"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const log = new Response(child.stderr).text();
  const feed = async () => {
    const writer = child.stdin.getWriter();
    for (let left = AMOUNT; left > 0; left -= BLOCK.length) await writer.write(BLOCK);
    await writer.close();
  };
  const hash = createHash("md5");
  const drain = async () => {
    for await (const chunk of child.stdout) hash.update(chunk);
  };
  await Promise.all([feed(), drain()]);
  const { code } = await child.status;
  const text = await log;
  assertEquals(code, 0, text.slice(-2000));
  return { digest: hash.digest("hex"), exchanges: text.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0 };
}

for (const cipher of ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com"]) {
  Deno.test(`our server changes keys every MiB under load in both directions: ${cipher}`, async () => {
    await using server = await EchoServer.start("ed25519", EVERY);
    const { digest, exchanges } = await throughSsh(server, ["-c", cipher]);
    assertEquals(digest, digestOfAll());
    assert(exchanges > AMOUNT / MIB / 4, `${exchanges} key exchanges`);
  });
}

Deno.test("OpenSSH's client asks for new keys every MiB, and so do we", async () => {
  await using server = await EchoServer.start("ed25519", EVERY);
  const { digest, exchanges } = await throughSsh(server, ["-o", "RekeyLimit=1M"]);
  assertEquals(digest, digestOfAll());
  assert(exchanges > AMOUNT / MIB / 4, `${exchanges} key exchanges`);
});

Deno.test("our client and OpenSSH's server both ask for new keys every MiB, under load in both directions", async () => {
  await using sshd = await Sshd.prepare(["LogLevel DEBUG1"]);
  const { stream, log } = sshd.connect(["RekeyLimit=1M"]);
  const key = makeKey("ed25519");
  const login = Deno.env.get("USER") ?? "root";
  const client = await connectSsh({
    stream,
    username: login,
    credential: { key, certificate: certify(sshd.userCas.ed25519, "user", key, [login]) },
    verifyHost: (certificate) => void parseCertificate(certificate.blob),
    rekey: EVERY,
  });
  const session = await client.exec("cat");
  const hash = createHash("md5");
  session.stream.on("data", (chunk: Buffer) => hash.update(chunk));
  for (let left = AMOUNT; left > 0; left -= BLOCK.length) {
    if (!session.stream.write(BLOCK)) await new Promise<void>((done) => session.stream.once("drain", done));
  }
  session.stream.end();
  assertEquals((await session.exit).code, 0);
  client.close();
  assertEquals(hash.digest("hex"), digestOfAll());
  const exchanges = (await log).match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
  assert(exchanges > AMOUNT / MIB / 4, `${exchanges} key exchanges`);
});
