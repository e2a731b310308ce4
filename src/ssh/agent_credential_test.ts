import { assertEquals, assertRejects } from "@std/assert";
import type { Buffer } from "node:buffer";
import { EchoServer } from "../../tests/kit/echo_server.ts";
import { certify, makeKey } from "../../tests/kit/ssh_keys.ts";
import { AppError } from "../base/errors.ts";
import { connectSsh } from "./client.ts";
import { sign } from "./signature.ts";

const KEY = makeKey("rsa");
type Sign = (data: Buffer, algorithm: string) => Promise<Buffer>;

async function login(server: EchoServer, sign: Sign): Promise<void> {
  const certificate = certify(server.userCas.ed25519, "user", KEY, ["joe"]);
  const client = await connectSsh({
    stream: server.dial(),
    username: "joe",
    credential: { certificate, sign },
    verifyHost: () => {},
  });
  client.close();
  await client.closed;
}

Deno.test("a key that somebody else holds logs in, with the algorithm that the server verifies", async () => {
  await using server = await EchoServer.start();
  const asked: string[] = [];
  await login(server, (data, algorithm) => {
    asked.push(algorithm);
    return Promise.resolve(sign(KEY, data, algorithm));
  });
  assertEquals(asked, ["rsa-sha2-512"]);
  assertEquals(server.identities, ["test"]);
});

Deno.test("a holder who does not sign, or not what was asked for, ends the login with the reason", async () => {
  await using server = await EchoServer.start();
  const holders: [Sign, string][] = [
    [() => Promise.reject(new AppError("unavailable", "the agent refuses to sign")), "refuses to sign"],
    [(data) => Promise.resolve(sign(KEY, data, "rsa-sha2-256")), "did not sign with rsa-sha2-512"],
    [(data, algorithm) => Promise.resolve(sign(makeKey("rsa"), data, algorithm)), "did not sign"],
    [(data) => Promise.resolve(data), "did not sign"],
  ];
  for (const [holder, why] of holders) await assertRejects(() => login(server, holder), AppError, why);
  assertEquals(server.identities, []);
});
