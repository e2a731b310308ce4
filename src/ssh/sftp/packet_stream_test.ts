import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../../base/errors.ts";
import { PacketStream } from "./packet_stream.ts";

function framed(packets: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(packets.flatMap((packet) => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, packet.length);
    return [...length, ...packet];
  }));
}

Deno.test("packets come out whole, however their bytes come in", () => {
  const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 10 });
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 });
  fc.assert(fc.property(packets, sizes, (packets, sizes) => {
    const bytes = framed(packets);
    const stream = new PacketStream();
    const found: Uint8Array[] = [];
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1;
      found.push(...stream.take(bytes.subarray(at, at + size)));
      at += size;
    }
    assertEquals(found, packets);
  }));
});

Deno.test("a packet is a copy: the memory it came in may be used again", () => {
  const stream = new PacketStream();
  const bytes = framed([Uint8Array.of(1, 2, 3)]);
  const [packet] = [...stream.take(bytes)];
  bytes.fill(9);
  assertEquals(packet, Uint8Array.of(1, 2, 3));
});

Deno.test("a length that cannot be one is refused before memory is taken for it", () => {
  for (const length of [0, 1024 * 1024 + 1, 0xffff_ffff]) {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, length);
    assertThrows(() => [...new PacketStream().take(bytes)], AppError, `${length} bytes`);
  }
});

Deno.test("text of a start file of the shell is told as what it is", () => {
  const text = new TextEncoder().encode("Welcome to luna\n");
  assertThrows(() => [...new PacketStream().take(text)], AppError, 'the text "Welc..."');
});
