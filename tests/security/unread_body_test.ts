/**
 * A client that sends a body which nobody reads yet: the proxy must not keep it.
 */
import { assertLess } from "@std/assert";
import type { WebApp } from "../../src/proxy/web/context.ts";
import { systemClock } from "../../src/base/clock.ts";
import { selfSigned } from "../../src/proxy/web/self_signed.ts";
import { serveHttps } from "../../src/proxy/web/server.ts";

const MIB = 2 ** 20;
const BODY = 512 * MIB;
/** What the sockets of both sides hold, and one turn of the server. */
const MOST = 64 * MIB;

/** Sends until it is held back, or all has gone; in a process of its own, so that its memory is not the server's. */
const client = (port: number) => `
const socket = await Deno.connectTls({ hostname: "127.0.0.1", port: ${port} });
const head = "PUT /files HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: ${BODY}\\r\\n\\r\\n";
await socket.write(new TextEncoder().encode(head));
const piece = new Uint8Array(${MIB});
let sent = 0;
let stalled;
const done = () => { console.log(sent); Deno.exit(0); };
while (sent < ${BODY}) {
  clearTimeout(stalled);
  stalled = setTimeout(done, 1000);
  sent += await socket.write(piece);
}
done();
`;

Deno.test("a body that nobody reads stays with its sender", async () => {
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
  assertLess(Deno.memoryUsage().rss - before, 2 * MOST);
  resolve(new Response("ok"));
  await server.close();
});
