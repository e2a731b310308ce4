import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { anyText } from "../../tests/kit/arbitrary.ts";
import { rpcConnection } from "./wire.ts";

/** A stream whose far end is this test: what arrives is pushed, what is sent is kept. */
function loose() {
  const sent: Buffer[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      sent.push(chunk);
      done();
    },
  });
  return { stream, sent };
}

function frame(message: unknown): Buffer {
  const body = Buffer.from(typeof message === "string" ? message : JSON.stringify(message), "utf8");
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
}

const notice = (value: unknown) => frame({ jsonrpc: "2.0", method: "note", params: [value] });

/** Feeds chunks to a connection; resolves with the notifications once `count` came or the stream is closed. */
async function receive(chunks: Iterable<Uint8Array>, count: number, maxBytes = 1000) {
  const { stream } = loose();
  const connection = rpcConnection(stream, maxBytes);
  const received: unknown[] = [];
  const errors: unknown[] = [];
  const enough = Promise.withResolvers<void>();
  connection.onNotification("note", (value: unknown) => {
    received.push(value);
    if (received.length === count) enough.resolve();
  });
  connection.onError(([error]) => void errors.push(error));
  connection.onClose(() => enough.resolve());
  connection.listen();
  for (const chunk of chunks) stream.push(Buffer.from(chunk));
  await enough.promise;
  const closed = stream.destroyed;
  stream.destroy();
  return { received, errors, closed };
}

function* cut(bytes: Buffer, at: number[]): Iterable<Buffer> {
  const cuts = [...new Set(at.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    if (end > start) yield bytes.subarray(start, end);
    start = end;
  }
}

Deno.test("messages arrive the same however the bytes are cut into chunks", async () => {
  const text = anyText({ maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      async (texts, cuts) => {
        const { received } = await receive(cut(Buffer.concat(texts.map(notice)), cuts), texts.length);
        assertEquals(received, texts);
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("messages arrive when every byte comes alone", async () => {
  const bytes = Buffer.concat(["one", "two €", ""].map(notice));
  const { received } = await receive(cut(bytes, Array.from({ length: bytes.length }, (_, i) => i)), 3);
  assertEquals(received, ["one", "two €", ""]);
});

Deno.test("a message above the bound closes the stream as soon as its length is known", async () => {
  const header = Buffer.alloc(4);
  for (const length of [1001, 0x7fff_ffff, 0xffff_ffff]) {
    header.writeUInt32BE(length);
    const { received, errors, closed } = await receive([notice("before"), header], 2);
    assertEquals(received.length <= 1, true);
    assertEquals(errors.length, 1);
    assert(closed);
  }
});

Deno.test("a message exactly at the bound is taken", async () => {
  const bare = notice("").length - 4;
  const { received } = await receive([notice("x".repeat(1000 - bare))], 1);
  assertEquals(received, ["x".repeat(1000 - bare)]);
  const { closed } = await receive([notice("x".repeat(1001 - bare))], 1);
  assert(closed);
});

Deno.test("what is no JSON object closes the stream", async () => {
  for (const body of ["", "{", "5", "null", '"text"', "true", "\u0000", "{}}"]) {
    const { errors, closed } = await receive([frame(body)], 1);
    assertEquals(errors.length, 1, body);
    assert(closed, body);
  }
});

Deno.test("no bytes make the reader throw where nobody catches", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), async (chunks) => {
      const end = frame("no json"); // so that every run ends
      const { received } = await receive([...chunks, end, Buffer.alloc(2000, 0xff)], 1);
      assertEquals(received, []);
    }),
    { numRuns: 200 },
  );
});

Deno.test("JSON that is no call of JSON-RPC is passed over and the connection lives on", async () => {
  const odd = [[], {}, { id: 5 }, { jsonrpc: "1.0", method: 5, id: {} }, { method: null }, {
    id: "x",
    result: 1,
    error: 2,
  }];
  const { received } = await receive([...odd.map((message) => frame(message)), notice("after")], 1);
  assertEquals(received, ["after"]);
});

Deno.test("what is written is a frame, and nothing is written to a stream that is gone", async () => {
  const { stream, sent } = loose();
  const connection = rpcConnection(stream, 1000);
  connection.onError(() => {});
  connection.listen();
  await connection.sendNotification("note", "€");
  const [bytes = Buffer.alloc(4)] = sent;
  assertEquals(bytes.readUInt32BE(0), bytes.length - 4);
  assertEquals(JSON.parse(bytes.subarray(4).toString()).params, ["€"]);
  const closed = once(stream, "close");
  stream.destroy();
  await closed;
  await assertRejects(async () => await connection.sendNotification("note", "late"), Error, "closed");
  assertEquals(sent.length, 1);
});
