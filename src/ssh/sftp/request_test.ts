import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError, isAppError } from "../../base/errors.ts";
import { TOO_LARGE } from "./packet_reader.ts";
import { PacketWriter } from "./packet_writer.ts";
import { EXTENSION_VERSIONS, PacketType } from "./protocol.ts";
import { decodeRequest, encodeRequest, type Request } from "./request.ts";
import { anyRequest } from "./testing/arbitrary.ts";

const encoder = new TextEncoder();
const id = fc.integer({ min: 0, max: 0xffff_ffff });

function packetOf(id: number, request: Request): Uint8Array {
  const writer = new PacketWriter(1);
  encodeRequest(writer, id, request);
  return writer.bytes().subarray(4);
}

Deno.test("every request is read as it was written", () => {
  fc.assert(fc.property(id, anyRequest, (id, request) => {
    assertEquals(decodeRequest(packetOf(id, request)), { id, request });
  }));
});

Deno.test("a request that is cut off anywhere is an error of the client, not of ours", () => {
  fc.assert(fc.property(anyRequest, fc.nat(), (request, cut) => {
    const packet = packetOf(7, request);
    const part = packet.subarray(0, cut % packet.length);
    try {
      decodeRequest(part);
    } catch (error) {
      assertEquals(isAppError(error, "bad_input"), true, String(error));
    }
  }));
});

Deno.test("random bytes are a request or an error", () => {
  const types = fc.constantFrom(...Object.values(PacketType));
  fc.assert(fc.property(types, fc.uint8Array({ maxLength: 300 }), (type, rest) => {
    try {
      decodeRequest(Uint8Array.of(type, ...rest));
    } catch (error) {
      assertEquals(isAppError(error, "bad_input"), true, String(error));
    }
  }));
});

Deno.test("each announced extension is a request that is known", () => {
  for (const [name] of EXTENSION_VERSIONS) {
    const writer = new PacketWriter();
    writer.begin(PacketType.EXTENDED).uint32(1).string(name);
    for (let field = 0; field < 10; field++) writer.string(new Uint8Array(8));
    writer.end();
    const { request } = decodeRequest(writer.bytes().subarray(4));
    assertEquals(request.type, name.replace("@openssh.com", ""));
  }
});

Deno.test("an unknown extension is named, however odd its name", () => {
  const writer = new PacketWriter();
  writer.begin(PacketType.EXTENDED).uint32(3).string(Uint8Array.of(0xff, 0)).end();
  const { id, request } = decodeRequest(writer.bytes().subarray(4));
  assertEquals([id, request], [3, { type: "unknown", packet: PacketType.EXTENDED, name: "\xff\0" }]);
});

Deno.test("an offset that no file has is told apart", () => {
  const writer = new PacketWriter();
  writer.begin(PacketType.READ).uint32(1).string("h").uint64(2n ** 63n).uint32(10).end();
  const { request } = decodeRequest(writer.bytes().subarray(4));
  assertEquals(request.type === "read" && request.offset, TOO_LARGE);
  writer.clear();
  writer.begin(PacketType.READ).uint32(1).string("h").uint64(BigInt(Number.MAX_SAFE_INTEGER)).uint32(10)
    .end();
  const largest = decodeRequest(writer.bytes().subarray(4)).request;
  assertEquals(largest.type === "read" && largest.offset, Number.MAX_SAFE_INTEGER);
});

Deno.test("a count of extended attributes that is not there ends at the packet's end", () => {
  const writer = new PacketWriter();
  writer.begin(PacketType.SETSTAT).uint32(1).string("file").uint32(0x8000_0000).uint32(0xffff_ffff).end();
  assertThrows(() => decodeRequest(writer.bytes().subarray(4)), AppError, "ends too early");
});

Deno.test("extended attributes are skipped", () => {
  const writer = new PacketWriter();
  writer.begin(PacketType.OPEN).uint32(1).string("file").uint32(1)
    .uint32(0x8000_0004).uint32(0o600).uint32(1).string("name").string("value").end();
  const { request } = decodeRequest(writer.bytes().subarray(4));
  assertEquals(request, {
    type: "open",
    path: encoder.encode("file"),
    flags: 1,
    attributes: { mode: 0o600 },
  });
});
