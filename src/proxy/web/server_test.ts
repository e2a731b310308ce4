import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { request as httpRequest } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { connect as connectNet, createServer } from "node:net";
import { connect, type TLSSocket } from "node:tls";
// @ts-types="./ws.d.ts"
import { WebSocket } from "ws";
import { type Clock, systemClock } from "../../base/clock.ts";
import { findBalancedClient } from "../../api/balancers.ts";
import { AppError } from "../../base/errors.ts";
import { FakeClock } from "../../../tests/kit/clock.ts";
import type { BrowserSocket } from "./browser_socket.ts";
import type { WebContext } from "./context.ts";
import { jsonPost, PASSWORD, PING, testApp, TOKENS } from "./fake_gateway.ts";
import { selfSigned } from "./self_signed.ts";
import { serveHttps, type ServeOptions, type WebServer } from "./server.ts";

const pair = await selfSigned(["localhost", "127.0.0.1"], systemClock);

async function serving(
  work: (server: WebServer, app: ReturnType<typeof testApp>) => Promise<void>,
  change: Partial<ServeOptions> = {},
): Promise<void> {
  const test = testApp();
  const errors: unknown[] = [];
  const server = await serveHttps({
    app: test.app,
    tls: pair,
    onError: (error) => errors.push(error),
    ...change,
  });
  try {
    await work(server, test);
    assertEquals(errors, []);
  } finally {
    await server.close();
  }
}

/** Grants no time to anything that waits. */
const impatient: Clock = {
  now: () => Date.now(),
  after: (_, run) => {
    queueMicrotask(run);
    return { cancel() {} };
  },
};

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  peer: string;
}

/** One request by node:https, trusting only the given certificate. */
function ask(port: number, path: string, init: RequestInit = {}, ca = pair.cert): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { ...init.headers as Record<string, string> };
    const options = {
      host: "127.0.0.1",
      port,
      path,
      ca,
      method: init.method ?? "GET",
      headers,
      agent: false,
    };
    const outgoing = request(options, (incoming) => {
      const peer = (incoming.socket as TLSSocket).getPeerCertificate().fingerprint256;
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body, peer });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(init.body);
  });
}

/** Sends bytes over TLS and gives all that comes back until the server closes. */
function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", ca: pair.cert }, () => socket.write(bytes));
    let got = "";
    socket.on("data", (chunk: Buffer) => got += chunk.toString());
    socket.on("error", reject);
    socket.on("close", () => resolve(got));
  });
}

Deno.test("HTTPS serves the app and tells it the peer's address", async () => {
  await serving(async ({ port }, { gateway }) => {
    const ping = await ask(port, "/v1/webapi/ping");
    assertEquals([ping.status, JSON.parse(ping.body)], [200, PING]);
    assertEquals([ping.headers["x-frame-options"], ping.headers["server"]], ["DENY", undefined]);
    const signup = jsonPost({ invite_token: TOKENS.off, pass: PASSWORD }, {
      origin: `https://127.0.0.1:${port}`,
    });
    assertEquals((await ask(port, "/webapi/users", signup)).status, 200);
    assertEquals(gateway.signups[0]?.clientAddress, "127.0.0.1");
  });
});

Deno.test("HTTPS: a body too large is refused and the connection stays sound", async () => {
  await serving(async ({ port }) => {
    for (const framing of ["content-length", "transfer-encoding"]) {
      const headers = { [framing]: framing === "content-length" ? "200000" : "chunked" };
      const answer = await ask(port, "/webapi/users", jsonPost("x".repeat(200_000), headers));
      assertEquals(answer.status, 413, framing);
    }
    assertEquals((await ask(port, "/webapi/ping")).status, 200);
  });
});

Deno.test("HTTPS: hostile request targets", async () => {
  await serving(async ({ port }) => {
    for (
      const path of ["/web/newuser/%3Cscript%3E", "/web/newuser/%00", `/web/newuser/${"a".repeat(10_000)}`]
    ) {
      const answer = await ask(port, path);
      assertEquals([answer.status, answer.body.includes("<script>")], [404, false]);
    }
    const forged = await sendRaw(port, "GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n");
    assertMatch(forged, /^HTTP\/1\.1 400 /);
    assertMatch(forged, /x-frame-options: DENY/i);
  });
});

Deno.test("HTTPS: bytes that are no request, and headers too large", async () => {
  await serving(async ({ port }) => {
    assertMatch(await sendRaw(port, "\x00\x01 nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
    const large = `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${"a".repeat(20_000)}\r\n\r\n`;
    assertMatch(await sendRaw(port, large), /^HTTP\/1\.1 431 /);
  });
});

Deno.test("HTTPS refuses TLS below 1.2", async () => {
  await serving(async ({ port }) => {
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", minVersion: "TLSv1", maxVersion: "TLSv1.1" });
      socket.on("secureConnect", () => reject(new Error("TLS 1.1 was accepted")));
      socket.on("error", () => resolve());
    });
  }, { clock: impatient });
});

Deno.test("HTTPS: a client that leaves in the middle of its body is no failure", async () => {
  await serving(async ({ port }, { failures }) => {
    for (const framing of ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"]) {
      await new Promise<void>((resolve, reject) => {
        const socket = connect({ port, host: "127.0.0.1", ca: pair.cert }, () => {
          const head = "POST /webapi/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
          socket.write(head + framing, () => socket.destroy());
        });
        socket.on("error", reject);
        socket.on("close", () => resolve());
      });
    }
    assertEquals((await ask(port, "/webapi/ping")).status, 200);
    assertEquals(failures, []);
  });
});

Deno.test("HTTPS holds its connection cap and serves again after", async () => {
  await serving(async ({ port }) => {
    const hold = () =>
      new Promise<TLSSocket>((resolve, reject) => {
        const socket = connect({ port, host: "127.0.0.1", ca: pair.cert }, () => resolve(socket));
        socket.on("error", reject);
      });
    const held = [await hold(), await hold()];
    await assertRejects(hold);
    await Promise.all(held.map((socket) => new Promise((closed) => socket.once("close", closed).destroy())));
    // The server learns of the closing a moment after we do.
    const until = Date.now() + 5000;
    let answer = await ask(port, "/webapi/ping").catch(() => undefined);
    while (answer === undefined && Date.now() < until) {
      answer = await ask(port, "/webapi/ping").catch(() => undefined);
    }
    assertEquals(answer?.status, 200);
  }, { maxConnections: 2 });
});

Deno.test("reload serves the new certificate, and keeps the old when the new is unusable", async () => {
  await serving(async (server) => {
    const before = await ask(server.port, "/webapi/ping");
    const next = await selfSigned(["localhost", "127.0.0.1"], systemClock);
    assertThrows(() => server.reload({ key: "no key", cert: next.cert }), AppError, "cannot be read");
    assertThrows(() => server.reload({ key: pair.key, cert: next.cert }), AppError, "do not belong together");
    assertEquals((await ask(server.port, "/webapi/ping")).peer, before.peer);
    server.reload(next);
    const after = await ask(server.port, "/webapi/ping", {}, next.cert);
    assert(after.peer !== before.peer);
  });
});

Deno.test("a pair that does not fit is refused at the start", async () => {
  const other = await selfSigned(["localhost"], systemClock);
  const tls = { key: other.key, cert: pair.cert };
  const error = await assertRejects(() => serveHttps({ app: testApp().app, tls, onError() {} }), AppError);
  assertEquals(error.code, "bad_input");
});

Deno.test("close lets a request under way finish", async () => {
  const { app } = testApp();
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  app.get("/slow", async (c) => {
    start();
    await released;
    return c.text("finished");
  });
  const server = await serveHttps({ app, tls: pair, onError() {} });
  const answer = ask(server.port, "/slow");
  await started;
  const closed = server.close();
  release();
  assertEquals((await answer).body, "finished");
  await closed;
  await assertRejects(() => ask(server.port, "/webapi/ping"));
});

/** Sends a request whose body never comes to its end. @returns the connection, and its end */
function sendPart(port: number, method: string, path: string) {
  const socket = connect({ host: "127.0.0.1", port, ca: pair.cert });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {}); // "close" follows
  socket.resume();
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345`);
  return { socket, closed };
}

Deno.test("a request that does not arrive within 30 seconds is cut off, an upload is not", async () => {
  const clock = new FakeClock();
  await serving(async ({ port }, { app }) => {
    const { promise: arrived, resolve } = Promise.withResolvers<void>();
    let waiting = 0;
    const slow = async (c: WebContext) => {
      if (++waiting === 2) resolve();
      return c.text(await c.req.text());
    };
    app.post("/slow", slow);
    app.put("/slow/files", slow);
    const request = sendPart(port, "POST", "/slow");
    const upload = sendPart(port, "PUT", "/slow/files?path=x");
    await arrived;
    await clock.advance(29_000);
    await clock.advance(2_000);
    await request.closed;
    await clock.advance(120_000);
    assertEquals(upload.socket.destroyed, false);
    upload.socket.write("67890");
    await new Promise<void>((resolve) => upload.socket.once("data", () => resolve()));
    upload.socket.destroy();
    await upload.closed;
  }, { clock });
});

Deno.test("a connection that was taken over stays when the server closes", async () => {
  const { app } = testApp();
  const taken: BrowserSocket[] = [];
  app.get("/socket", async (c) => {
    const socket = await c.env.upgrade?.();
    if (socket) taken.push(socket);
    return c.body(null);
  });
  const clock = new FakeClock();
  const server = await serveHttps({ app, tls: pair, onError() {}, clock });
  const client = new WebSocket(`wss://127.0.0.1:${server.port}/socket`, { rejectUnauthorized: false });
  await new Promise<void>((resolve) => client.on("open", () => resolve()));
  const [socket] = taken;
  assert(socket);
  const closed = server.close();
  await clock.advance(10_000); // what has not finished is cut now
  const heard = new Promise<string>((resolve) => client.on("message", (data) => resolve(String(data))));
  socket.serve({ text() {}, binary() {}, closed() {} });
  socket.send("still here");
  assertEquals(await heard, "still here");
  client.terminate();
  await closed;
});

Deno.test("plain HTTP without a pair, and no certificate to reload", async () => {
  await serving(async (server) => {
    const status = await new Promise((resolve, reject) =>
      httpRequest(
        { host: "127.0.0.1", port: server.port, path: "/webapi/ping", agent: false },
        (incoming) => {
          incoming.resume();
          incoming.on("end", () => resolve(incoming.statusCode));
        },
      ).on("error", reject).end()
    );
    assertEquals(status, 200);
    assertThrows(() => server.reload(pair), AppError, "plain HTTP");
  }, { tls: undefined });
});

Deno.test("an address in use is named", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const error = await assertRejects(
    () => serveHttps({ app: testApp().app, tls: pair, port, onError() {} }),
    AppError,
  );
  assertStringIncludes(error.message, `127.0.0.1:${port}`);
  await new Promise((resolve) => taken.close(resolve));
});

Deno.test({
  name: "a listening socket that was handed over is served",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const libc = Deno.dlopen("libc.so.6", {
      socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
      bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
      listen: { parameters: ["i32", "i32"], result: "i32" },
    });
    try {
      const [AF_INET, SOCK_STREAM] = [2, 1];
      const fd = libc.symbols.socket(AF_INET, SOCK_STREAM, 0);
      // struct sockaddr_in: family, port 0, 127.0.0.1.
      const address = new Uint8Array([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
      assertEquals([libc.symbols.bind(fd, address, 16), libc.symbols.listen(fd, 16)], [0, 0]);
      await serving(async ({ port }) => {
        assert(port > 0);
        assertEquals((await ask(port, "/webapi/ping")).status, 200);
      }, { fd });
    } finally {
      libc.close();
    }
  },
});

/** Relays one connection to `port`; the client's first bytes leave together with `header`, in one write. */
async function behind(header: string, port: number) {
  const relay = createServer((client) => {
    const server = connectNet(port, "127.0.0.1");
    client.once("data", (first) => {
      server.write(Buffer.concat([Buffer.from(header), first]));
      client.pipe(server);
    });
    server.pipe(client);
    for (const [socket, other] of [[client, server], [server, client]] as const) {
      socket.on("error", () => {});
      socket.once("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  return {
    port: (relay.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => relay.close(() => resolve())),
  };
}

Deno.test("a balancer's header comes off before TLS, also when both arrive together", async () => {
  const findClient = findBalancedClient(["127.0.0.1"]);
  const header = (last: number) => `PROXY TCP4 192.0.2.${last} 10.0.0.1 1 2\r\n`;
  await serving(async (server, { app }) => {
    const seen: string[] = [];
    app.get("/seen", (c) => c.text(`${seen.push(c.get("clientAddress"))}`));
    for (const last of [7, 8]) {
      await using relay = await behind(header(last), server.port);
      assertEquals((await ask(relay.port, "/seen")).status, 200);
    }
    assertEquals(seen, ["192.0.2.7", "192.0.2.8"]);
    await assertRejects(() => ask(server.port, "/seen"), Error);
    await using broken = await behind("PROXY nonsense\r\n", server.port);
    await assertRejects(() => ask(broken.port, "/seen"), Error);
  }, { findClient });
});
