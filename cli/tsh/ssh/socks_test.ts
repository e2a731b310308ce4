import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { duplexPair } from "node:stream";
import fc from "fast-check";
import { AppError } from "../../../src/base/errors.ts";
import { nextStep, readSocksRequest } from "./socks.ts";

const text = (value: string) => [...Buffer.from(value)];
const REQUESTS: [string, number[][], { host: string; port: number }][] = [
  ["4", [[4, 1, 0, 80, 10, 0, 0, 7, 0]], { host: "10.0.0.7", port: 80 }],
  ["4a", [[4, 1, 0, 80, 0, 0, 0, 1, ...text("joe"), 0, ...text("example.com"), 0]], {
    host: "example.com",
    port: 80,
  }],
  ["5 with a name", [[5, 1, 0], [5, 1, 0, 3, 11, ...text("example.com"), 1, 187]], {
    host: "example.com",
    port: 443,
  }],
  ["5 with IPv4", [[5, 2, 0, 2], [5, 1, 0, 1, 127, 0, 0, 1, 0, 22]], { host: "127.0.0.1", port: 22 }],
  ["5 with IPv6", [[5, 1, 0], [5, 1, 0, 4, ...Array(15).fill(0), 1, 0, 22]], {
    host: "0:0:0:0:0:0:0:1",
    port: 22,
  }],
];

for (const [name, messages, wanted] of REQUESTS) {
  Deno.test(`SOCKS ${name}: the request is read byte by byte, and what follows is kept`, async () => {
    const [client, server] = duplexPair();
    const answers: number[] = [];
    client.on("data", (chunk: Buffer) => answers.push(...chunk));
    const request = readSocksRequest(server);
    for (const byte of messages.flat()) client.write(Buffer.from([byte]));
    client.write("GET /");
    const { host, port, answer } = await request;
    assertEquals({ host, port }, wanted);
    answer(true);
    let rest = "";
    server.on("data", (chunk: Buffer) => rest += chunk);
    server.resume();
    client.end();
    await new Promise((done) => server.once("end", done));
    assertEquals(rest, "GET /");
    assertEquals(
      answers.slice(-8).length >= 8 && answers.at(name.startsWith("4") ? -7 : -9),
      name.startsWith("4") ? 90 : 0,
    );
  });
}

Deno.test("other commands, passwords and nonsense are refused, and the connection ends", async () => {
  for (
    const bytes of [
      [5, 1, 2],
      [5, 1, 0, 5, 2, 0, 1, 1, 1, 1, 1, 0, 1],
      [4, 2, 0, 80, 1, 1, 1, 1, 0],
      text("GET / HTTP/1.0\r\n"),
    ]
  ) {
    const [client, server] = duplexPair();
    client.on("error", () => {});
    client.resume();
    const request = readSocksRequest(server);
    client.write(Buffer.from(bytes));
    await assertRejects(() => request, AppError);
    assertEquals(server.destroyed, true);
  }
});

Deno.test("whatever comes, a step is taken, more is asked for, or it is refused", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, greeted) => {
    try {
      nextStep(Buffer.from(bytes), greeted);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }));
});
