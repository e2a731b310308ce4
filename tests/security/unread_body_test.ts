/**
 * A client that sends a body which nobody reads yet: the proxy must not keep much of it.
 */
import { assertLess } from "@std/assert";
import type { WebApp } from "../../src/proxy/web/context.ts";
import { systemClock } from "../../src/base/clock.ts";
import { selfSigned } from "../../src/proxy/web/self_signed.ts";
import { serveHttps } from "../../src/proxy/web/server.ts";
import { MAX_UNREAD } from "../../src/proxy/web/unread_limit.ts";

const MIB = 2 ** 20;
const BODY = 1024 * MIB;
/** What may lie unread, and what comes over the loopback until that is seen. */
const MOST = MAX_UNREAD + 400 * MIB;

/** Sends until it is held back or cut off, or all has gone; in a process of its own, so that its memory is not the server's. */
const client = (port: number) => `
const socket = await Deno.connectTls({ hostname: "127.0.0.1", port: ${port} });
const head = "PUT /files HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: ${BODY}\\r\\n\\r\\n";
await socket.write(new TextEncoder().encode(head));
const piece = new Uint8Array(${MIB});
let sent = 0;
let stalled;
const done = () => { console.log(sent); Deno.exit(0); };
try {
  while (sent < ${BODY}) {
    clearTimeout(stalled);
    stalled = setTimeout(done, 1000);
    sent += await socket.write(piece);
  }
} finally {
  done();
}
`;

Deno.test("who sends a body that nobody reads is cut off before it fills the memory", async () => {
  const { promise: end, resolve } = Promise.withResolvers<Response>();
  const app = { fetch: () => end } as unknown as WebApp;
  const tls = await selfSigned(["localhost"], systemClock);
  const server = await serveHttps({ app, tls, onError: () => {} });
  const before = Deno.memoryUsage().rss;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--allow-net", "--unsafely-ignore-certificate-errors", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const script = child.stdin.getWriter();
  await script.write(new TextEncoder().encode(client(server.port)));
  await script.close();
  const { stdout } = await child.output();
  assertLess(Number(new TextDecoder().decode(stdout)), MOST);
  assertLess(Deno.memoryUsage().rss - before, MOST);
  resolve(new Response("ok"));
  await server.close();
});
