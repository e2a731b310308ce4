import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createServer } from "node:https";
import { LoggingProxy } from "../../tests/kit/connect_proxy.ts";
import { pairFor } from "../../tests/kit/tls_pair.ts";
import { TextService } from "../../tests/kit/text_service.ts";
import { dialThrough } from "./connect_tunnel.ts";
import { AppError } from "./errors.ts";
import { httpCall } from "./https_call.ts";
import { proxyFor } from "./proxy_choice.ts";

async function everything(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += new TextDecoder().decode(chunk);
  return text;
}

function chosen(proxy: LoggingProxy) {
  const choice = proxyFor({ host: "x", port: 1 }, (name) => name === "HTTPS_PROXY" ? proxy.url : undefined);
  if (!choice) throw new Error("no proxy was chosen");
  return choice;
}

Deno.test("a connection goes through the proxy, and nothing is lost when the server speaks first", async () => {
  await using proxy = await LoggingProxy.start();
  await using service = await TextService.onPort("SSH-2.0-first words\r\n");
  const socket = await dialThrough(chosen(proxy), { host: "127.0.0.1", port: service.port });
  socket.end();
  assertEquals(await everything(socket), "SSH-2.0-first words\r\n");
  assertEquals(proxy.asked, [`127.0.0.1:${service.port}`]);
});

Deno.test("what comes in one piece with the proxy's answer is not lost", async () => {
  await using proxy = await LoggingProxy.start({ answer: "HTTP/1.0 200 OK\r\nX: y\r\n\r\nfirst words" });
  const socket = await dialThrough(chosen(proxy), { host: "node", port: 22 });
  assertEquals(await everything(socket), "first words");
});

Deno.test("a proxy that wants a login gets it; without it the error says where to write it", async () => {
  await using proxy = await LoggingProxy.start({ login: "joe:secret" });
  await using service = await TextService.onPort("hello");
  const target = { host: "127.0.0.1", port: service.port };
  const choice = chosen(proxy);
  const socket = await dialThrough(choice, target);
  socket.end();
  assertEquals(await everything(socket), "hello");
  const error = await assertRejects(
    () => dialThrough({ ...choice, login: "joe:guess" }, target),
    AppError,
    "wants a login",
  );
  assertEquals(error.message.includes("guess"), false);
});

Deno.test("what goes wrong names the proxy and the target", async () => {
  const target = { host: "node.example.com", port: 22 };
  const answers: [string, string][] = [
    ["HTTP/1.1 403 Forbidden\r\n\r\n", "does not connect to node.example.com:22: 403 Forbidden"],
    ["SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"],
    ["HTTP/1.1 200", "closed the connection without an answer"],
    ["x".repeat(100_000), "answers too much"],
    ["HTTP/1.1 403 \x1b]0;evil\x07\r\n\r\n", "403"],
  ];
  for (const [answer, wanted] of answers) {
    await using proxy = await LoggingProxy.start({ answer });
    const error = await assertRejects(() => dialThrough(chosen(proxy), target), AppError);
    assertStringIncludes(error.message, wanted);
    assertStringIncludes(error.message, `the HTTP proxy localhost:${proxy.port}`);
    assertEquals(error.message.includes("\x1b"), false);
  }
  const gone = await LoggingProxy.start();
  const choice = chosen(gone);
  await gone[Symbol.asyncDispose]();
  await assertRejects(
    () => dialThrough(choice, target),
    AppError,
    "the HTTP proxy on the way to node.example.com",
  );
});

Deno.test("a proxy that says nothing is given up in time", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  const proxy = { host: "127.0.0.1", port: silent.addr.port, tls: false };
  const error = await assertRejects(() => dialThrough(proxy, { host: "node", port: 22 }, 50), AppError);
  assertEquals(error.code, "timeout");
  (await accepted).close();
  silent.close();
});

Deno.test("HTTPS is verified end to end, through a proxy of either scheme and without one", async () => {
  const pair = await pairFor("localhost");
  const server = createServer(pair, (request, response) => {
    response.end(`${request.method} ${request.url}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await using proxy = await LoggingProxy.start({ hosts: { "other.example.com": "127.0.0.1" } });
  const call = {
    host: "localhost",
    port,
    tls: true,
    method: "POST",
    path: "/hook?a=b",
    body: "x",
    timeoutMs: 5000,
    maxBody: 1000,
  } as const;
  const trusted = { ...call, ca: pair.cert };
  assertEquals((await httpCall(trusted)).text, "POST /hook?a=b");
  assertEquals((await httpCall({ ...trusted, proxy: chosen(proxy) })).text, "POST /hook?a=b");
  assertEquals((await httpCall({ ...call, insecure: true, proxy: chosen(proxy) })).status, 200);
  assertEquals(proxy.asked, [`localhost:${port}`, `localhost:${port}`]);
  await using plain = await TextService.onPort("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain");
  const unencrypted = { ...call, host: "127.0.0.1", port: plain.port, tls: false };
  assertEquals((await httpCall(unencrypted)).text, "plain");
  assertEquals((await httpCall({ ...unencrypted, proxy: chosen(proxy) })).text, "plain");
  await assertRejects(() => httpCall(call), Error, "self-signed");
  await assertRejects(() => httpCall({ ...call, proxy: chosen(proxy) }), Error, "self-signed");
  await assertRejects(() => httpCall({ ...trusted, host: "127.0.0.1" }), Error, "altnames");
  const elsewhere = { ...trusted, host: "other.example.com", proxy: chosen(proxy) };
  await assertRejects(() => httpCall(elsewhere), Error, "altnames");
  await assertRejects(() => httpCall({ ...trusted, maxBody: 3 }), Error, "too large");
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
