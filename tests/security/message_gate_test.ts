import { assertEquals } from "@std/assert";
import { generateKey } from "../../src/ssh/private_key.ts";
import { WireWriter } from "../../src/ssh/wire.ts";
import { certifyUser, MESSAGE, publicKeyRequest, rawClient, startSpyServer } from "../kit/raw_ssh.ts";

const LEGAL_BEFORE = [1, 2, 3, 4, 5, 7, 20, 50, 61];
const LEGAL_AFTER = [1, 2, 3, 4, 20, 80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100];
const ALL = Array.from({ length: 256 }, (_, number) => number);

const openSession = (sender: number) =>
  new WireWriter().byte(MESSAGE.channelOpen).string("session").uint32(sender).uint32(2 ** 20).uint32(32768)
    .bytes();
const exec = (channel: number) =>
  new WireWriter().byte(98).uint32(channel).string("exec").boolean(true).string("id").bytes();

async function loggedIn(server: Awaited<ReturnType<typeof startSpyServer>>) {
  const key = generateKey();
  const { blob } = certifyUser(server.ca, key, "joe", "joe");
  const client = await rawClient(await server.dial());
  const algorithm = "ssh-ed25519-cert-v01@openssh.com";
  client.send(publicKeyRequest(client, { user: "joe", algorithm, blob, signer: key }));
  assertEquals((await client.receive())?.[0], MESSAGE.userauthSuccess);
  return client;
}

Deno.test("a client that opens a channel and runs a command before authentication is cut, and nothing is served", async () => {
  await using server = await startSpyServer();
  const client = await rawClient(await server.dial());
  client.send(openSession(0));
  client.send(exec(0));
  assertEquals(await client.receive(), undefined);
  assertEquals(server.refusals[0], "message 90 is not allowed before authentication");
  assertEquals(server.sessions, []);
  assertEquals(server.connections, []);
});

Deno.test("a client that says 'success' itself is cut", async () => {
  await using server = await startSpyServer();
  const client = await rawClient(await server.dial());
  client.send(new Uint8Array([MESSAGE.userauthSuccess]));
  client.send(openSession(0));
  assertEquals(await client.receive(), undefined);
  assertEquals(server.refusals[0], "message 52 is not allowed before authentication");
  assertEquals(server.sessions, []);
});

Deno.test("every message that the table does not name ends the connection before authentication", async () => {
  await using server = await startSpyServer();
  for (const number of ALL.filter((candidate) => !LEGAL_BEFORE.includes(candidate))) {
    server.refusals.length = 0;
    const client = await rawClient(await server.dial());
    client.send(new Uint8Array([number, 0, 0, 0, 0]));
    assertEquals(await client.receive(), undefined, `message ${number}`);
    assertEquals(server.refusals[0], `message ${number} is not allowed before authentication`);
  }
  assertEquals(server.sessions, []);
});

Deno.test("every message that the table does not name ends the connection after authentication", async () => {
  await using server = await startSpyServer();
  for (const number of ALL.filter((candidate) => !LEGAL_AFTER.includes(candidate))) {
    server.refusals.length = 0;
    const client = await loggedIn(server);
    client.send(new Uint8Array([number, 0, 0, 0, 0]));
    assertEquals(await client.receive(), undefined, `message ${number}`);
    assertEquals(server.refusals[0], `message ${number} is not allowed after authentication`);
  }
});

Deno.test("malformed messages of the legal kinds end the connection or are passed over, and serve nothing", async () => {
  await using server = await startSpyServer();
  for (const number of LEGAL_BEFORE) {
    for (const rest of [[], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 200, 1, 2, 3]]) {
      const client = await rawClient(await server.dial());
      client.send(new Uint8Array([number, ...rest]));
      client.close();
      await client.closed;
    }
  }
  for (const number of LEGAL_AFTER) {
    const client = await loggedIn(server);
    client.send(new Uint8Array([number, 0xff, 0xff, 0xff, 0xff]));
    client.close();
    await client.closed;
  }
  assertEquals(server.sessions, []);
  const client = await loggedIn(server);
  client.send(openSession(7));
  assertEquals((await client.receive())?.[0], 91, "the server still serves");
});

Deno.test("what follows an illegal message in the same packet is not looked at", async () => {
  await using server = await startSpyServer();
  const key = generateKey();
  const { blob } = certifyUser(server.ca, key, "joe", "joe");
  const client = await rawClient(await server.dial());
  client.send(openSession(0));
  const algorithm = "ssh-ed25519-cert-v01@openssh.com";
  client.send(publicKeyRequest(client, { user: "joe", algorithm, blob, signer: key }));
  assertEquals(await client.receive(), undefined);
  assertEquals(server.connections, []);
});

Deno.test("a channel type or a global request that no map names is refused with one answer each", async () => {
  await using server = await startSpyServer();
  const client = await loggedIn(server);
  for (
    const type of ["direct-tcpip", "x11", "forwarded-tcpip", "auth-agent@openssh.com", "tun@openssh.com", ""]
  ) {
    const fields = type === "direct-tcpip" || type === "forwarded-tcpip"
      ? new WireWriter().string("127.0.0.1").uint32(22).string("127.0.0.1").uint32(1).bytes()
      : type === "x11"
      ? new WireWriter().string("127.0.0.1").uint32(1).bytes()
      : new Uint8Array();
    client.send(
      new WireWriter().byte(MESSAGE.channelOpen).string(type).uint32(3).uint32(1000).uint32(1000).raw(fields)
        .bytes(),
    );
    assertEquals((await client.receive())?.[0], 92, type);
  }
  for (const request of ["tcpip-forward", "hostkeys-prove-00@openssh.com", "made-up"]) {
    const fields = request === "tcpip-forward"
      ? new WireWriter().string("").uint32(0).bytes()
      : new Uint8Array();
    client.send(new WireWriter().byte(80).string(request).boolean(true).raw(fields).bytes());
    assertEquals((await client.receive())?.[0], 82, request);
  }
  assertEquals(server.sessions, []);
});
