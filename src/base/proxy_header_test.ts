import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { AppError } from "./errors.ts";
import { listenOn } from "./listen.ts";
import { parseProxyHeader, takeProxyHeader } from "./proxy_header.ts";

const V2 = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const v2 = (rest: string) => Buffer.concat([V2, Buffer.from(rest, "hex")]);

Deno.test("a PROXY header of version 1 names the client", () => {
  const line = "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n";
  const client = { address: "192.0.2.7", port: 56324 };
  assertEquals(parseProxyHeader(Buffer.from(`${line}SSH-2.0-x\r\n`)), { length: line.length, client });
  const six = "PROXY TCP6 2001:DB8::1 ::1 1 2\r\n";
  assertEquals(parseProxyHeader(Buffer.from(six)), {
    length: six.length,
    client: { address: "2001:db8::1", port: 1 },
  });
  assertEquals(parseProxyHeader(Buffer.from("PROXY UNKNOWN\r\n")), { length: 15 });
});

Deno.test("a PROXY header of version 2 names the client", () => {
  const four = v2("21110 00c c0000207 0a000001 dc04 01bb".replaceAll(" ", ""));
  assertEquals(parseProxyHeader(four), { length: 28, client: { address: "192.0.2.7", port: 56324 } });
  const six = v2(`21210024${"20010db8000000000000000000000001"}${"0".repeat(32)}00010002`);
  assertEquals(parseProxyHeader(six), { length: 52, client: { address: "2001:db8::1", port: 1 } });
  assertEquals(parseProxyHeader(v2("20000000")), { length: 16 }, "a health check");
  assertEquals(parseProxyHeader(v2("21310002ffff")), { length: 18 }, "a unix socket");
});

Deno.test("anything else is no PROXY header, and half of one waits for more", () => {
  for (const text of ["SSH-2.0-x", "\x16\x03\x01", "GET / HTTP/1.1", "POST / HTTP/1.1", "\r\n\r\nx"]) {
    assertEquals(parseProxyHeader(Buffer.from(text)), "none", text);
  }
  for (const part of ["", "P", "PROXY", "PROXY TCP4 1.2.3.4", "\r\n\r\n"]) {
    assertEquals(parseProxyHeader(Buffer.from(part)), "more", part);
  }
  assertEquals(parseProxyHeader(v2("2111000c0102")), "more");
});

Deno.test("malformed PROXY headers are refused", () => {
  const lines = [
    "PROXY TCP4 1.2.3.4 1.2.3.4 70000 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n",
    "PROXY TCP4 ::1 ::1 1 1\r\n",
    "PROXY TCP6 1.2.3.4 ::1 1 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n",
    "PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n",
    "PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
    `PROXY TCP4 ${"1".repeat(200)}`,
  ];
  for (const line of lines) {
    assertThrows(() => parseProxyHeader(Buffer.from(line)), AppError, "malformed", line);
  }
  for (const rest of ["1111000c", "2211000c", "21110001ff", "2111ffff"]) {
    assertThrows(() => parseProxyHeader(v2(rest)), AppError, "malformed", rest);
  }
});

Deno.test("parseProxyHeader fails with nothing but AppError, and never takes more than there is", () => {
  const start = fc.constantFrom(
    V2,
    Buffer.from("PROXY "),
    Buffer.from("PROXY TCP4 1.2.3.4 "),
    Buffer.alloc(0),
  );
  fc.assert(fc.property(start, fc.uint8Array({ maxLength: 200 }), (mark, rest) => {
    const bytes = Buffer.concat([mark, rest]);
    try {
      const first = parseProxyHeader(bytes);
      if (typeof first === "object") assertEquals(first.length <= bytes.length, true);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }));
});

/** Sends the pieces to a server that takes the header off; gives what it found, and what is left to read. */
async function taken(pieces: string[], required: boolean) {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const listener = await listenOn({ host: "127.0.0.1", port: 0 }, resolve);
  const client = connect(listener.port, "127.0.0.1");
  client.on("error", () => {});
  const server = await accepted;
  try {
    const found = takeProxyHeader(server, { required, timeoutMs: 5000 });
    for (const piece of pieces) await new Promise((done) => client.write(piece, done));
    client.end();
    const told = await found;
    let rest = "";
    for await (const chunk of server) rest += chunk;
    return { told, rest };
  } finally {
    client.destroy();
    server.destroy();
    listener.close();
  }
}

Deno.test("the header is taken off a connection, and every other byte stays", async () => {
  const told = { address: "192.0.2.7", port: 5 };
  const header = "PROXY TCP4 192.0.2.7 10.0.0.1 5 6\r\n";
  assertEquals(await taken([`${header}SSH-`, "2.0"], true), { told, rest: "SSH-2.0" });
  assertEquals(await taken(["PRO", header.slice(3), "SSH-2.0"], true), { told, rest: "SSH-2.0" });
  assertEquals(await taken(["SSH-2.0"], false), { told: undefined, rest: "SSH-2.0" });
  await assertRejects(() => taken(["SSH-2.0"], true), AppError, "no PROXY header");
  await assertRejects(() => taken(["PROX"], true), AppError, "went away");
});
