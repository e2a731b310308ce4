import "./transport.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { Protocol } from "./internals.ts";
import { ProtocolPrototype } from "./library.ts";

const LINE = "SSH-2.0-Somebody_1.0 with a comment\r\n";

/** A protocol that has only what the identification needs; `rest` is what came after the line. */
function receiver(server: boolean) {
  const rest: Buffer[] = [];
  const seen: string[] = [];
  const protocol = Object.assign(Object.create(ProtocolPrototype) as Protocol, {
    _server: server,
    _parse(this: Protocol & { _remoteIdentRaw?: Buffer }, chunk: Buffer, at: number, end: number) {
      // As ssh2: the line first, which must be whole; then packets.
      if (this._remoteIdentRaw !== undefined) {
        rest.push(Buffer.from(chunk.subarray(at, end)));
        return end;
      }
      const text = chunk.toString("latin1");
      const start = text.indexOf("SSH-");
      const stop = text.indexOf("\n", start);
      seen.push(text.slice(start, stop - 1));
      this._remoteIdentRaw = Buffer.from(text.slice(start, stop - 1));
      return stop + 1;
    },
  });
  const parse = (data: Buffer) =>
    (protocol as unknown as { parse(...args: unknown[]): void }).parse(data, 0, data.length);
  return { parse, rest: () => Buffer.concat(rest).toString("latin1"), seen };
}

Deno.test("the identification line may come in any number of pieces", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 40, maxLength: 40 });
  fc.assert(fc.property(cuts, fc.boolean(), (sizes, server) => {
    const text = `${server ? "" : "Welcome\r\nto us\r\n"}${LINE}packets follow`;
    const { parse, rest, seen } = receiver(server);
    let at = 0;
    for (const size of [...sizes, text.length]) {
      const data = Buffer.from(text.slice(at, at + size), "latin1");
      at += size;
      if (data.length > 0) parse(data);
      data.fill(0); // the memory may be used again
    }
    assertEquals(seen, [LINE.trim()]);
    assertEquals(rest(), "packets follow");
  }));
});

Deno.test("a line without an end is not gathered for ever", () => {
  const client = receiver(true);
  assertThrows(
    () => {
      for (let i = 0; i < 300; i++) client.parse(Buffer.from("a"));
    },
    Error,
    "too long",
  );
  const server = receiver(false);
  assertThrows(
    () => {
      for (let i = 0; i < 400; i++) server.parse(Buffer.from("a\n".repeat(50)));
    },
    Error,
    "too long",
  );
});
