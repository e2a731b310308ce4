import { assert, assertEquals } from "@std/assert";
import { AppError, isAppError } from "../../src/base/errors.ts";
import { checkCertificate, issueCertificate } from "../../src/ssh/certificate.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { SshServer } from "../../src/ssh/server.ts";
import { type Faults, faultyPair } from "../kit/fault_stream.ts";

const ANSWER = "the answer of the server, some bytes long\n".repeat(20);
/** `SSH-2.0-Teleport` and its line end. */
const IDENTIFICATION = 18;

const [ca, hostKey, userKey] = [generateKey(), generateKey(), generateKey()];

function certify(kind: "user" | "host", key: PrivateKey) {
  const template = {
    kind,
    key: key.publicKey,
    keyId: "joe",
    principals: ["joe"],
    validAfter: 0,
    validBefore: Infinity,
  };
  return issueCertificate(ca, template);
}

const credential = { key: userKey, certificate: certify("user", userKey) };
const server = new SshServer<string>({
  hostCredential: { key: hostKey, certificate: certify("host", hostKey) },
  authenticator: { certificate: ({ certificate }) => certificate.keyId },
  routes: {
    session: () => ({
      exec(channel) {
        channel.write(ANSWER);
        channel.exit(0);
        channel.end();
      },
    }),
  },
});

/** Logs in and runs one command over a faulty connection. @returns what came back, or why it did not */
async function attempt(
  there: Faults,
  back: Faults,
  patienceMs = 8000,
): Promise<{ text: string; code?: number } | AppError> {
  const [client, socket] = faultyPair(there, back);
  server.accept(socket);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new AppError("timeout", "it hangs")), patienceMs);
  const work = async () => {
    const ssh = await connectSsh({
      stream: client,
      username: "joe",
      credential,
      timeoutMs: Math.min(3000, patienceMs),
      verifyHost: (certificate) => {
        const expected = { kind: "host" as const, authorities: [ca.publicKey], now: 1, principal: "joe" };
        const why = checkCertificate(certificate, expected);
        if (why) throw new AppError("unauthenticated", why);
      },
    });
    const session = await Promise.race([
      ssh.exec("x"),
      ssh.closed.then(() => Promise.reject(new AppError("closed", "the connection broke"))),
    ]);
    let text = "";
    session.stream.on("data", (chunk) => text += chunk);
    session.stderr.resume();
    const status = await Promise.race([session.exit, ssh.closed.then(() => ({ code: undefined }))]);
    ssh.close();
    return { text, code: status.code };
  };
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  } finally {
    clearTimeout(timer);
    client.destroy();
    socket.destroy();
  }
}

Deno.test("a sound connection in memory works, also when everything arrives byte by byte", async () => {
  assertEquals(await attempt({}, {}), { text: ANSWER, code: 0 });
  const pieces = { pieces: { from: IDENTIFICATION, size: 1 } };
  assertEquals(await attempt(pieces, pieces), { text: ANSWER, code: 0 });
});

Deno.test("a connection that breaks anywhere ends in an error, never in a hang or a false success", async () => {
  for (let at = 0; at < 3000; at += 61) {
    for (const [there, back] of [[{ cutAfter: at }, {}], [{}, { cutAfter: at }]]) {
      const result = await attempt(there ?? {}, back ?? {});
      if (result instanceof AppError) continue;
      assert(
        result.code === undefined || result.text === ANSWER,
        `cut at ${at}: a success without the answer`,
      );
    }
  }
});

Deno.test("a bit turned anywhere on the way is noticed: nothing false is ever taken for true", async () => {
  for (let at = 0; at < 2600; at += 311) {
    for (const [there, back] of [[{ flipAt: at }, {}], [{}, { flipAt: at }]]) {
      const result = await attempt(there ?? {}, back ?? {});
      if (result instanceof AppError) continue;
      assert(
        result.code === undefined || result.text === ANSWER,
        `bit at ${at}: another text was taken for true`,
      );
      assert(ANSWER.startsWith(result.text), `bit at ${at}: bytes that the server never sent`);
    }
  }
});
