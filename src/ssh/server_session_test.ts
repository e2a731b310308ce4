import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { answerOf, channelMessage, openRaw, startTestServer } from "../../tests/kit/ssh_pair.ts";
import { AppError } from "../base/errors.ts";
import type { PtyRequest, X11Request } from "./channel.ts";
import type { ServerSessionChannel, SessionHandlers } from "./server_session.ts";
import { WireWriter } from "./wire.ts";

const SUCCESS = 99, FAILURE = 100, EOF = 96, CLOSE = 97, EXIT = 98;

const text = (value: string) => new WireWriter().string(value).bytes();
const size = () => new WireWriter().uint32(80).uint32(24).uint32(0).uint32(0).bytes();
const pty = () =>
  new WireWriter().string("xterm").raw(size()).string(new Uint8Array([53, 0, 0, 0, 0, 0])).bytes();
const x11 = () => new WireWriter().boolean(true).string("P").string("0a").uint32(0).bytes();
const env = (name: string, value: string) => new WireWriter().string(name).string(value).bytes();

/** A server whose sessions are these handlers; `started` settles with the channel of the first program. */
async function serverWith(handlers: SessionHandlers) {
  const { promise, resolve } = Promise.withResolvers<ServerSessionChannel>();
  const server = await startTestServer({
    session: () => ({ exec: (channel) => resolve(channel), ...handlers }),
  }, { maxSessionsPerConnection: 3 });
  return Object.assign(server, { started: promise });
}

Deno.test("each request gets exactly one answer, before a program runs, while it runs and after it said how it ended", async () => {
  await using server = await serverWith({});
  const client = await server.raw();
  const channel = await openRaw(client, "session", 7) as number;
  const requests: [string, Uint8Array][] = [
    ["pty-req", pty()],
    ["env", env("A", "b")],
    ["x11-req", x11()],
    ["auth-agent-req@openssh.com", new Uint8Array()],
    ["window-change", size()],
    ["signal", text("TERM")],
    ["break", new WireWriter().uint32(0).bytes()],
    ["eow@openssh.com", new Uint8Array()],
    ["keepalive@openssh.com", new Uint8Array()],
    ["made-up", new Uint8Array()],
    ["", new Uint8Array()],
    ["shell", new Uint8Array()],
    ["subsystem", text("sftp")],
  ];
  const askAll = async (when: string) => {
    for (const [type, fields] of requests) {
      client.send(channelMessage.request(channel, type, fields, false)); // no answer to this one
      client.send(channelMessage.request(channel, type, fields));
      assertEquals(await answerOf(client), FAILURE, `${type} ${when}`);
    }
  };
  await askAll("before");
  client.send(channelMessage.request(channel, "exec", text("id")));
  assertEquals(await answerOf(client), SUCCESS);
  await askAll("while it runs");
  client.send(channelMessage.request(channel, "exec", text("id")));
  assertEquals(await answerOf(client), FAILURE, "a second program");
  const running = await server.started;
  running.exit(3);
  assertEquals(await answerOf(client), EXIT);
  await askAll("after exit-status");
  running.end();
  assertEquals([await answerOf(client), await answerOf(client)], [EOF, CLOSE]);
  client.send(channelMessage.request(channel, "signal", text("TERM")));
  client.send(channelMessage.close(channel));
  client.send(channelMessage.global("ping"));
  assertEquals(await answerOf(client), 82, "nothing came between: our side of the channel was closed");
});

Deno.test("a session that is closed before it starts is answered, forgotten and leaves its place", async () => {
  let closed = 0;
  await using server = await serverWith({ closed: () => closed++ });
  const client = await server.raw();
  for (let i = 0; i < 20; i++) {
    const channel = await openRaw(client, "session", i) as number;
    assertEquals(typeof channel, "number", `open ${i}`);
    client.send(channelMessage.data(channel, Buffer.from("nobody reads this")));
    client.send(channelMessage.close(channel));
    assertEquals(await answerOf(client), CLOSE);
    client.send(channelMessage.close(channel)); // once more: it does not exist any longer
  }
  assertEquals(closed, 20);
});

Deno.test("input that ended before the program started is at its end for the program", async () => {
  await using server = await serverWith({});
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  client.send(channelMessage.eof(channel));
  client.send(channelMessage.request(channel, "exec", text("cat")));
  assertEquals(await answerOf(client), SUCCESS);
  const running = await server.started;
  let received = "";
  for await (const chunk of running) received += chunk;
  assertEquals(received, "");
});

Deno.test("requests reach their handlers with what they say", async () => {
  const asked: unknown[] = [];
  const note = (...what: unknown[]) => {
    asked.push(what);
    return true;
  };
  await using server = await serverWith({
    pty: (request: PtyRequest) =>
      note("pty", request.term, request.columns, request.rows, [...request.modes]),
    env: (name, value) => note("env", name, value),
    resize: ({ columns, rows }) => void note("resize", columns, rows),
    signal: (name) => note("signal", name),
    break: (ms) => note("break", ms),
    agent: () => void note("agent"),
    x11: (request: X11Request) => void note("x11", request),
    endOutput: () => void note("endOutput"),
    exec: (_channel, command) => void note("exec", command),
  });
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  const requests: [string, Uint8Array][] = [
    ["pty-req", pty()],
    ["env", env("LANG", "C")],
    ["window-change", size()],
    ["auth-agent-req@openssh.com", new Uint8Array()],
    ["x11-req", x11()],
    ["exec", text("id")],
    ["signal", text("TERM")],
    ["break", new WireWriter().uint32(500).bytes()],
    ["eow@openssh.com", new Uint8Array()],
  ];
  for (const [type, fields] of requests) client.send(channelMessage.request(channel, type, fields));
  for (const [type] of requests) assertEquals(await answerOf(client), SUCCESS, type);
  assertEquals(asked, [
    ["pty", "xterm", 80, 24, [[53, 0]]],
    ["env", "LANG", "C"],
    ["resize", 80, 24],
    ["agent"],
    ["x11", { singleConnection: true, protocol: "P", cookie: "0a", screen: 0 }],
    ["exec", "id"],
    ["signal", "TERM"],
    ["break", 500],
    ["endOutput"],
  ]);
});

Deno.test("what comes after a request that takes time waits for it", async () => {
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await serverWith({
    x11: () => promise.then(() => void order.push("x11")),
    exec: () => void order.push("exec"),
  });
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  client.send(channelMessage.request(channel, "x11-req", x11()));
  client.send(channelMessage.request(channel, "exec", text("id")));
  client.send(channelMessage.global("ping"));
  assertEquals(await answerOf(client), 82);
  assertEquals(order, []);
  resolve();
  assertEquals([await answerOf(client), await answerOf(client)], [SUCCESS, SUCCESS]);
  assertEquals(order, ["x11", "exec"]);
});

Deno.test("input that comes while the program still waits for something is not lost", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await serverWith({ x11: () => promise });
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  client.send(channelMessage.request(channel, "x11-req", x11()));
  client.send(channelMessage.request(channel, "exec", text("cat")));
  client.send(channelMessage.data(channel, Buffer.from("typed early")));
  client.send(channelMessage.eof(channel));
  client.send(channelMessage.global("ping"));
  assertEquals(await answerOf(client), 82);
  resolve();
  let received = "";
  for await (const chunk of await server.started) received += chunk;
  assertEquals(received, "typed early");
});

Deno.test("a program that still waited for something when its client left does not start", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const order: string[] = [];
  await using server = await serverWith({
    x11: () => promise,
    exec: () => void order.push("exec"),
    closed: () => void order.push("closed"),
  });
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  client.send(channelMessage.request(channel, "x11-req", x11()));
  client.send(channelMessage.request(channel, "exec", text("id")));
  client.send(channelMessage.close(channel));
  assertEquals(await answerOf(client), CLOSE);
  resolve();
  client.send(channelMessage.global("ping"));
  assertEquals(await answerOf(client), 82);
  assertEquals(order, ["closed"]);
});

Deno.test("a request that is refused with a reason tells it, and the program runs nevertheless", async () => {
  await using server = await serverWith({
    agent: () => {
      throw new AppError("access_denied", "no agents here");
    },
    exec: (channel) => {
      channel.exit(4);
      channel.end();
    },
  });
  const client = await server.client({ agent: () => Promise.reject(new AppError("closed", "never asked")) });
  const session = await client.exec("id", { agent: true });
  session.stream.resume();
  assertEquals([...session.refused], ["agent"]);
  assertEquals(await session.exit, { code: 4 });
});

Deno.test("a program that cannot be started is refused with the server's reason", async () => {
  await using server = await serverWith({
    subsystem: (name) => {
      throw new AppError("not_found", `no ${name} on this host`);
    },
  });
  const client = await server.client();
  const error = await assertRejects(() => client.subsystem("sftp"), AppError);
  assertEquals(error.message, 'the server refused to start the subsystem "sftp": no sftp on this host');
  await assertRejects(() => client.shell(), AppError, "the server refused to start a shell");
});

Deno.test("a session takes only so many variables, and each is answered", async () => {
  let taken = 0;
  await using server = await serverWith({ env: () => ++taken > 0 });
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  const answers: (number | undefined)[] = [];
  for (let i = 0; i < 200; i++) {
    client.send(channelMessage.request(channel, "env", env(`V${i}`, "x")));
    answers.push(await answerOf(client));
  }
  assertEquals(taken, 128);
  assertEquals(answers.filter((answer) => answer === FAILURE).length, 72);
  const other = await openRaw(client, "session", 1) as number;
  client.send(channelMessage.request(other, "env", env("BIG", "x".repeat(30_000))));
  assertEquals(await answerOf(client), SUCCESS);
  for (let i = 0; i < 2; i++) {
    client.send(channelMessage.request(other, "env", env("BIG", "x".repeat(30_000))));
    assertEquals(await answerOf(client), i === 0 ? SUCCESS : FAILURE);
  }
});

Deno.test("a request that is cut off ends the connection", async () => {
  for (const type of ["pty-req", "env", "exec", "signal", "window-change", "x11-req", "break", "subsystem"]) {
    await using server = await serverWith({
      pty: () => true,
      env: () => true,
      signal: () => true,
      resize: () => {},
      x11: () => {},
      break: () => true,
      subsystem: () => undefined,
    });
    const client = await server.raw();
    const channel = await openRaw(client, "session", 0) as number;
    client.send(channelMessage.request(channel, type, new Uint8Array([0, 0])));
    await client.closed;
    assert(server.refusals.length === 1, type);
  }
});

Deno.test("more sessions than allowed are refused with the number that is, and one that ends makes room", async () => {
  await using server = await serverWith({ shell: () => {} });
  const client = await server.client();
  const sessions = [await client.shell(), await client.shell(), await client.shell()];
  const error = await assertRejects(() => client.shell(), AppError);
  assertEquals(error.code, "limit");
  assertEquals(
    error.message,
    "the server refused to start a shell: too many sessions on this connection: 3 are allowed",
  );
  const [first] = sessions;
  first?.stream.resume();
  first?.close();
  await first?.exit;
  await client.shell();
});

Deno.test("who said that he would open no more sessions and does is cut", async () => {
  await using server = await serverWith({});
  const client = await server.raw();
  await openRaw(client, "session", 0);
  client.send(channelMessage.global("no-more-sessions@openssh.com"));
  assertEquals(await answerOf(client), 81);
  client.send(channelMessage.open("session", 1));
  await client.closed;
  assertEquals(server.refusals, ["the client opens a session after it said that it would open no more"]);
});
