import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { startTestServer } from "../../tests/kit/ssh_pair.ts";
import { streamPair, textOf } from "../../tests/kit/stream_pair.ts";
import { AppError } from "../base/errors.ts";
import type { ExitStatus, X11Request } from "./channel.ts";
import type { ServerSessionChannel } from "./server_session.ts";
import { WireWriter } from "./wire.ts";

const nowhere = () => Promise.reject(new AppError("unavailable", "nobody is there"));
const X11: X11Request = {
  singleConnection: false,
  protocol: "MIT-MAGIC-COOKIE-1",
  cookie: "0a0b",
  screen: 0,
};

Deno.test("a server that opens what the client has not asked for is refused", async () => {
  await using server = await startTestServer({ session: () => ({ shell: () => {} }) });
  const connected = server.connection();
  const asked: string[] = [];
  const note = (what: string) => () => {
    asked.push(what);
    return nowhere();
  };
  const client = await server.client({ agent: note("agent"), x11: note("x11") });
  await client.shell(); // a session that lends nothing
  const opened = await connected;
  const error = await assertRejects(() => opened.openAgent(), AppError);
  assertEquals([error.code, error.message], ["access_denied", "this client has not asked for that"]);
  const [window, incoming] = streamPair();
  window.on("error", () => {}); // closed by the server
  const gone = once(incoming, "close");
  opened.offerX11(incoming, { address: "127.0.0.1", port: 1 });
  await gone;
  assertEquals(asked, []);
});

Deno.test("a lent agent lists and signs, and hears of nothing else", async () => {
  await using server = await startTestServer({ session: () => ({ agent: () => {}, shell: () => {} }) });
  const connected = server.connection();
  const [agentSide, ours] = streamPair();
  const heard: number[] = [];
  agentSide.on("data", (chunk: Buffer) => {
    heard.push(...chunk.subarray(4));
    agentSide.write(new WireWriter().string(new Uint8Array([12, 0, 0, 0, 0])).bytes());
  });
  const client = await server.client({ agent: () => Promise.resolve(ours) });
  await client.shell({ agent: true });
  const channel = await (await connected).openAgent();
  const answers: Buffer[] = [];
  let length = 0;
  const all = new Promise<void>((resolve) =>
    channel.on("data", (chunk: Buffer) => {
      answers.push(chunk);
      length += chunk.length;
      if (length === 5 + 9) resolve();
    })
  );
  channel.write(new WireWriter().string(new Uint8Array([19])).string(new Uint8Array([11])).bytes());
  await all;
  assertEquals([...Buffer.concat(answers)], [0, 0, 0, 1, 5, 0, 0, 0, 5, 12, 0, 0, 0, 0]);
  assertEquals(heard, [11], "the removal of all keys did not reach it");
});

Deno.test("an agent that cannot be reached is told to the server with the reason", async () => {
  await using server = await startTestServer({ session: () => ({ agent: () => {}, shell: () => {} }) });
  const connected = server.connection();
  const client = await server.client({ agent: nowhere });
  await client.shell({ agent: true });
  const opened = await connected;
  await assertRejects(() => opened.openAgent(), AppError, "nobody is there");
});

Deno.test("windows of a session that asked for a display reach the client's X server", async () => {
  const asked: X11Request[] = [];
  await using server = await startTestServer({
    session: () => ({ x11: (request) => void asked.push(request), shell: () => {} }),
  });
  const connected = server.connection();
  const [screen, ours] = streamPair();
  const origins: unknown[] = [];
  const client = await server.client({
    x11: (origin) => {
      origins.push(origin);
      return Promise.resolve(ours);
    },
  });
  const session = await client.shell({ x11: X11 });
  assertEquals([...session.refused], []);
  assertEquals(asked, [X11]);
  const [window, incoming] = streamPair();
  (await connected).offerX11(incoming, { address: "127.0.0.1", port: 6 });
  window.end("draw");
  const [drawn] = await once(screen, "data");
  assertEquals(String(drawn), "draw");
  assertEquals(origins, [{ address: "127.0.0.1", port: 6 }]);
});

Deno.test("a socket of the server's file system is reached, or refused with the reason", async () => {
  const paths: string[] = [];
  await using server = await startTestServer({
    directStreamlocal: (_connection, path) => {
      paths.push(path);
      if (path !== "/run/s") throw new AppError("access_denied", "cannot connect: Permission denied");
      const [here, there] = streamPair();
      there.pipe(there);
      return Promise.resolve(here);
    },
  });
  const client = await server.client();
  const stream = await client.directStreamlocal("/run/s");
  stream.end("echo");
  assertEquals(await textOf(stream), "echo");
  const error = await assertRejects(() => client.directStreamlocal("/run/docker.sock"), AppError);
  assertEquals(error.code, "access_denied");
  assertEquals(
    error.message,
    "the server refused to connect to /run/docker.sock: cannot connect: Permission denied",
  );
  assertEquals(paths, ["/run/s", "/run/docker.sock"]);
});

Deno.test("signals, breaks and sizes reach the program, with an answer where there is one", async () => {
  const heard: unknown[] = [];
  const { promise: started, resolve } = Promise.withResolvers<ServerSessionChannel>();
  await using server = await startTestServer({
    session: () => ({
      pty: () => true,
      resize: ({ columns }) => void heard.push(columns),
      signal: (name) => heard.push(name) > 0,
      break: (ms) => {
        heard.push(ms);
        return ms > 0;
      },
      exec: (channel) => resolve(channel),
    }),
  });
  const client = await server.client();
  const session = await client.exec("top", {
    pty: { term: "xterm", columns: 80, rows: 24, width: 0, height: 0, modes: new Map([[53, 1]]) },
  });
  session.resize({ columns: 132, rows: 24, width: 0, height: 0 });
  session.signal("INT");
  assertEquals([await session.break(0), await session.break(500)], [false, true]);
  assertEquals(heard, [132, "INT", 0, 500]);
  const running = await started;
  running.exit("TERM", true, "");
  running.end();
  session.stream.resume();
  assertEquals(await session.exit, { signal: "TERM", coreDumped: true } satisfies ExitStatus);
  assertEquals(await session.break(1), false, "nobody is there any more");
});

Deno.test("a server shows that it is there whatever it says to the question", async () => {
  await using server = await startTestServer({ session: () => ({ shell: () => {} }) });
  const client = await server.client();
  await client.keepalive();
  client.noMoreSessions();
  await assertRejects(() => client.shell(), AppError);
  await client.closed;
  await assertRejects(() => client.keepalive(), AppError, "closed");
  await assertRejects(() => client.directTcpip("a", 1), AppError, "closed");
  await assertRejects(() => client.forwardRemote("", 0, nowhere), AppError, "closed");
});

Deno.test("what is under way when the connection breaks ends with an error", async () => {
  await using server = await startTestServer({ directTcpip: () => new Promise(() => {}) });
  const client = await server.client();
  const pending = client.directTcpip("target", 1);
  await client.keepalive();
  for (const opened of server.server.connections) opened.close();
  await assertRejects(() => pending, AppError, "closed");
});
