import { assertEquals, assertRejects } from "@std/assert";
import { AppError } from "../../src/base/errors.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { WireReader, WireWriter } from "../../src/ssh/wire.ts";
import {
  authRequest,
  certifyUser,
  MESSAGE,
  publicKeyRequest,
  rawClient,
  startSpyServer,
} from "../kit/raw_ssh.ts";
import { makeKey } from "../kit/ssh_keys.ts";

const ALGORITHM = "ssh-ed25519-cert-v01@openssh.com";

Deno.test("the identity is the one whose key signed, not the one offered before", async () => {
  await using server = await startSpyServer();
  const [a, b] = [generateKey(), generateKey()];
  const offered = certifyUser(server.ca, a, "the administrator", "joe");
  const own = certifyUser(server.ca, b, "nobody special", "joe");
  const client = await rawClient(await server.dial());
  client.send(publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob: offered.blob }));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthPkOk);
  client.send(publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob: own.blob, signer: b }));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthSuccess);
  assertEquals(server.connections.map(({ identity }) => identity), ["nobody special"]);
});

Deno.test("offering one key and signing with another is refused", async () => {
  await using server = await startSpyServer();
  const [a, b] = [generateKey(), generateKey()];
  const offered = certifyUser(server.ca, a, "the administrator", "joe");
  const client = await rawClient(await server.dial());
  client.send(publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob: offered.blob }));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthPkOk);
  client.send(publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob: offered.blob, signer: b }));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthFailure);
  assertEquals(server.connections, []);
});

Deno.test("offers without a signature never authenticate, however many and whatever follows", async () => {
  await using server = await startSpyServer();
  const key = generateKey();
  const { blob } = certifyUser(server.ca, key, "joe", "joe");
  const client = await rawClient(await server.dial());
  for (let i = 0; i < 20; i++) {
    client.send(publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob }));
    assertEquals((await client.receive())?.[0], MESSAGE.userauthPkOk);
  }
  client.send(authRequest("joe", "none"));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthFailure);
  client.send(authRequest("joe", "password", new WireWriter().boolean(false).string("x").bytes()));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthFailure);
  client.send(
    publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob, signature: new Uint8Array() }),
  );
  assertEquals((await client.receive())?.[0], MESSAGE.userauthFailure);
  assertEquals(server.connections, []);
  const open = new WireWriter().byte(MESSAGE.channelOpen).string("session").uint32(0).uint32(1000).uint32(
    1000,
  );
  client.send(open.bytes());
  await client.closed;
  assertEquals(server.sessions, []);
});

Deno.test("a refused client learns which methods there are, and no reason", async () => {
  await using server = await startSpyServer();
  const client = await rawClient(await server.dial());
  client.send(authRequest("joe", "none"));
  const reader = new WireReader(await client.receive() ?? new Uint8Array());
  assertEquals(reader.byte(), MESSAGE.userauthFailure);
  assertEquals(reader.text(), "publickey");
  assertEquals(reader.boolean(), false);
  reader.end();
});

Deno.test("the announced algorithm is the certificate's and the signature's, and none with SHA-1", async () => {
  await using server = await startSpyServer();
  const [rsa, ed] = [makeKey("rsa"), makeKey("ed25519")];
  const cases = [
    { key: rsa, announced: "rsa-sha2-512", signs: "rsa-sha2-512", good: true },
    { key: rsa, announced: "rsa-sha2-256", signs: "rsa-sha2-256", good: true },
    { key: rsa, announced: "rsa-sha2-512", signs: "rsa-sha2-256", good: false },
    { key: rsa, announced: "rsa-sha2-256", signs: "rsa-sha2-512", good: false },
    { key: rsa, announced: "ssh-rsa", signs: "rsa-sha2-256", good: false },
    { key: rsa, announced: "ssh-ed25519", signs: "rsa-sha2-512", good: false },
    { key: ed, announced: "ssh-ed25519", signs: "ssh-ed25519", good: true },
    { key: ed, announced: "ecdsa-sha2-nistp256", signs: "ssh-ed25519", good: false },
    { key: ed, announced: "sk-ssh-ed25519", signs: "ssh-ed25519", good: false },
    { key: ed, announced: "", signs: "ssh-ed25519", good: false },
  ];
  for (const { key, announced, signs, good } of cases) {
    const { blob } = certifyUser(server.ca, key, "joe", "joe");
    const algorithm = `${announced}-cert-v01@openssh.com`;
    const client = await rawClient(await server.dial());
    const what = `${announced} signed by ${signs}`;
    const mismatch = good || announced.startsWith("rsa-sha2-"); // only the signature tells
    client.send(publicKeyRequest(client, { user: "joe", algorithm, blob }));
    const offered = mismatch ? MESSAGE.userauthPkOk : MESSAGE.userauthFailure;
    assertEquals((await client.receive())?.[0], offered, what);
    client.send(publicKeyRequest(client, { user: "joe", algorithm, blob, signer: key, signs }));
    const answer = good ? MESSAGE.userauthSuccess : MESSAGE.userauthFailure;
    assertEquals((await client.receive())?.[0], answer, what);
    client.close();
  }
});

Deno.test("a signature of another connection is worth nothing", async () => {
  await using server = await startSpyServer();
  const key = generateKey();
  const { blob } = certifyUser(server.ca, key, "joe", "joe");
  const first = await rawClient(await server.dial());
  const request = publicKeyRequest(first, { user: "joe", algorithm: ALGORITHM, blob, signer: key });
  first.send(request);
  assertEquals((await first.receive())?.[0], MESSAGE.userauthSuccess);
  const second = await rawClient(await server.dial());
  second.send(request);
  assertEquals((await second.receive())?.[0], MESSAGE.userauthFailure);
  assertEquals(server.connections.length, 1);
});

Deno.test("a signature for another user name is worth nothing", async () => {
  await using server = await startSpyServer();
  const key = generateKey();
  const { blob } = certifyUser(server.ca, key, "joe", "joe");
  const client = await rawClient(await server.dial());
  const signature = publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob, signer: key })
    .subarray(-83);
  client.send(publicKeyRequest(client, { user: "root", algorithm: ALGORITHM, blob, signature }));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthFailure);
  assertEquals(server.connections, []);
});

Deno.test("the user name cannot change between two requests", async () => {
  await using server = await startSpyServer();
  const key = generateKey();
  const { blob } = certifyUser(server.ca, key, "joe", "joe");
  const client = await rawClient(await server.dial());
  client.send(authRequest("root", "none"));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthFailure);
  client.send(publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob, signer: key }));
  assertEquals(await client.receive(), undefined);
  assertEquals(server.connections, []);
});

Deno.test("after six failures the connection is cut", async () => {
  await using server = await startSpyServer({ maxAuthTries: 6 });
  const [stranger, key] = [generateKey(), generateKey()];
  const { blob } = certifyUser(stranger, key, "joe", "joe");
  const client = await rawClient(await server.dial());
  let failures = 0;
  for (;;) {
    client.send(publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob, signer: key }));
    const answer = await client.receive();
    if (!answer) break;
    assertEquals(answer[0], MESSAGE.userauthFailure);
    failures++;
  }
  assertEquals(failures, 6);
  assertEquals(server.refusals.includes("too many authentication failures"), true);
});

Deno.test("another service than the user's connection cannot be asked for", async () => {
  await using server = await startSpyServer();
  const client = await rawClient(await server.dial());
  const request = new WireWriter().byte(MESSAGE.userauthRequest).string("joe").string("ssh-userauth").string(
    "none",
  );
  client.send(request.bytes());
  assertEquals(await client.receive(), undefined);
});

Deno.test("a client that leaves while its login is being decided does no harm", async () => {
  await using server = await startSpyServer();
  const [stranger, key] = [generateKey(), generateKey()];
  for (const ca of [stranger, server.ca]) {
    const { blob } = certifyUser(ca, key, "joe", "joe");
    for (let i = 0; i < 5; i++) {
      const client = await rawClient(await server.dial());
      client.send(publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob, signer: key }));
      client.close();
      await client.closed;
    }
  }
  const { blob } = certifyUser(server.ca, key, "joe", "joe");
  const client = await rawClient(await server.dial());
  client.send(publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob, signer: key }));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthSuccess);
});

Deno.test("a server that shows a genuine host certificate without its key is refused", async () => {
  await using server = await startSpyServer({}, generateKey());
  const key = generateKey();
  const credential = { key, certificate: certifyUser(server.ca, key, "joe", "joe") };
  let shown = false;
  await assertRejects(
    async () =>
      await connectSsh({
        stream: await server.dial(),
        username: "joe",
        credential,
        verifyHost: () => void (shown = true),
      }),
    AppError,
  );
  assertEquals(shown, true);
  assertEquals(server.connections, []);
});

Deno.test("a client never logs in to a server whose certificate its check does not like, whatever is thrown", async () => {
  await using server = await startSpyServer();
  const key = generateKey();
  const credential = { key, certificate: certifyUser(server.ca, key, "joe", "joe") };
  for (
    const thrown of [
      new AppError("unauthenticated", "no"),
      new TypeError("a bug"),
      "a string",
      undefined,
      null,
    ]
  ) {
    const verifyHost = () => {
      throw thrown;
    };
    const stream = await server.dial();
    await assertRejects(() => connectSsh({ stream, username: "joe", credential, verifyHost }), AppError);
  }
  assertEquals(server.connections, []);
});
