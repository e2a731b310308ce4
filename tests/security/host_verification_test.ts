/**
 * No host is trusted unless its check came to its end and said yes, at every key exchange (CVE-2025-26465: an error on the
 * way was taken for a yes).
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { identifyHost, type Trust } from "../../src/api/identity.ts";
import { toSeconds } from "../../src/base/clock.ts";
import { AppError } from "../../src/base/errors.ts";
import { EXTENSION } from "../../src/model/authority.ts";
import { type Certificate, parseCertificate } from "../../src/ssh/certificate.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { EchoServer } from "../kit/echo_server.ts";
import { certifyUser, startSpyServer } from "../kit/raw_ssh.ts";
import { certify, makeKey } from "../kit/ssh_keys.ts";

/** An object of which every use counts, also of what it holds; the one with number `fails` throws. */
function counting<T extends object>(value: T, uses: { count: number; fails: number }): T {
  const proxied = (inner: unknown): unknown =>
    typeof inner === "object" && inner !== null && !ArrayBuffer.isView(inner) ? counting(inner, uses) : inner;
  return new Proxy(value, {
    get(target, name) {
      if (++uses.count === uses.fails) throw new Error(`fault ${uses.fails} at ${String(name)}`);
      const found: unknown = Reflect.get(target, name, target);
      return typeof found === "function" ? found.bind(target) : proxied(found);
    },
  });
}

Deno.test("a failure at any step of the check of a host is a refusal", async () => {
  await using server = await startSpyServer();
  const key = makeKey("ed25519");
  const credential = { key, certificate: certifyUser(server.ca, key, "joe", "joe") };
  const hostCa = makeKey("ed25519");
  const trust: Trust = { cluster: "main", user: [], host: [hostCa.publicKey] };
  const hostKey = makeKey("ed25519");
  const genuine = certify(hostCa, "host", hostKey, ["luna"], {
    keyId: crypto.randomUUID(),
    extensions: { [EXTENSION.hostRole]: "node", [EXTENSION.cluster]: "main" },
  });
  server.server.setHostCredential({ key: hostKey, certificate: genuine });
  const attempt = async (fails: number): Promise<boolean> => {
    const uses = { count: 0, fails };
    const verifyHost = (certificate: Certificate) => {
      const options = { trust: counting(trust, uses), now: toSeconds(Date.now()) * 1000, name: "luna" };
      identifyHost(counting(certificate, uses), options);
      return undefined;
    };
    const login = connectSsh({ stream: await server.dial(), username: "joe", credential, verifyHost });
    if (fails > 0) {
      await assertRejects(() => login, AppError, `fault ${fails}`);
      return true;
    }
    (await login).close();
    assert(uses.count > 20, "the check uses what it is given");
    return uses.count > 0;
  };
  assert(await attempt(0));
  assertEquals(server.connections.length, 1);
  const uses = { count: 0, fails: 0 };
  identifyHost(counting(parseCertificate(genuine.blob), uses), {
    trust: counting(trust, uses),
    now: Date.now(),
    name: "luna",
  });
  for (let fails = 1; fails <= uses.count; fails++) await attempt(fails);
  assertEquals(server.connections.length, 1);
});

Deno.test("a check that gives its verdict later, whatever it will be, is a refusal", async () => {
  await using server = await startSpyServer();
  const key = makeKey("ed25519");
  const credential = { key, certificate: certifyUser(server.ca, key, "joe", "joe") };
  for (
    const verdict of [() => Promise.resolve(), () => Promise.reject(new Error("no")), () => true, () => null]
  ) {
    const later = () => {
      const given: unknown = verdict();
      if (given instanceof Promise) given.catch(() => {});
      return given as undefined; // what the compiler would not let pass
    };
    const stream = await server.dial();
    const options = { stream, username: "joe", credential, verifyHost: later };
    await assertRejects(() => connectSsh(options), AppError, "no verdict");
  }
  assertEquals(server.connections, []);
});

Deno.test("the host is checked anew at every change of keys, and a refusal then ends the connection", async () => {
  await using server = await EchoServer.start();
  const key = makeKey("ed25519");
  let checks = 0;
  const client = await connectSsh({
    stream: server.dial(),
    username: "joe",
    credential: { key, certificate: certify(server.userCas.ed25519, "user", key, ["joe"]) },
    rekey: { bytes: 100_000 },
    verifyHost: () => {
      if (++checks === 3) throw new AppError("unauthenticated", "not this time");
    },
  });
  const session = await client.exec("cat");
  session.stream.on("error", () => {}); // the connection breaks below it
  session.stream.on("data", (chunk: Uint8Array) => {
    if (client.open) session.stream.write(Uint8Array.from(chunk));
  });
  session.stream.write(new Uint8Array(50_000));
  await client.closed;
  assertEquals(checks, 3);
});
