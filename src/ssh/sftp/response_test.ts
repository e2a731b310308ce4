import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError, isAppError } from "../../base/errors.ts";
import {
  decodeFileSystem,
  decodeLimits,
  decodeNames,
  type FileSystem,
  writeFileSystem,
  writeLimits,
} from "./extended_answer.ts";
import { PacketWriter } from "./packet_writer.ts";
import { EXTENSION_VERSIONS, PacketType } from "./protocol.ts";
import { decodeResponse, decodeVersion, encodeResponse, encodeVersion } from "./response.ts";
import { anyResponse } from "./testing/arbitrary.ts";

Deno.test("every answer is read as it was written", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), anyResponse, (id, response) => {
    const writer = new PacketWriter(1);
    encodeResponse(writer, id, response);
    assertEquals(decodeResponse(writer.bytes().subarray(4)), { id, response });
  }));
});

Deno.test("random bytes are an answer or an error", () => {
  const type = fc.constantFrom(...Object.values(PacketType));
  fc.assert(fc.property(type, fc.uint8Array({ maxLength: 300 }), (type, rest) => {
    const packet = Uint8Array.of(type, ...rest);
    for (const decode of [decodeResponse, decodeVersion, decodeLimits, decodeFileSystem, decodeNames]) {
      try {
        decode(packet);
      } catch (error) {
        assertEquals(isAppError(error, "bad_input"), true, String(error));
      }
    }
  }));
});

Deno.test("a count of names that the packet cannot hold is refused before anything is kept for them", () => {
  const writer = new PacketWriter();
  writer.begin(PacketType.NAME).uint32(1).uint32(0xffff_ffff).end();
  assertThrows(() => decodeResponse(writer.bytes().subarray(4)), AppError, "fewer names");
});

Deno.test("version and extensions are read as they were written", () => {
  const writer = new PacketWriter();
  encodeVersion(writer, EXTENSION_VERSIONS);
  const { version, extensions } = decodeVersion(writer.bytes().subarray(4));
  assertEquals(version, 3);
  assertEquals([...extensions], EXTENSION_VERSIONS.map(([name, version]) => [name, version]));
});

Deno.test("limits and file systems are read as they were written", () => {
  const writer = new PacketWriter();
  const limits = { packet: 262_144, read: 261_120, write: 261_120, openHandles: 1000 };
  writeLimits(writer, limits);
  assertEquals(decodeLimits(writer.bytes()), limits);
  writer.clear();
  const system: FileSystem = {
    blockSize: 4096n,
    fragmentSize: 4096n,
    blocks: 2n ** 60n,
    freeBlocks: 5n,
    availableBlocks: 4n,
    files: 3n,
    freeFiles: 2n,
    availableFiles: 1n,
    id: 2n ** 64n - 1n,
    readOnly: true,
    noSetuid: false,
    longestName: 255n,
  };
  writeFileSystem(writer, system);
  assertEquals(decodeFileSystem(writer.bytes()), system);
});

Deno.test("a status without a text, as old servers send it, is read", () => {
  const writer = new PacketWriter();
  writer.begin(PacketType.STATUS).uint32(9).uint32(4).end();
  const { response } = decodeResponse(writer.bytes().subarray(4));
  assertEquals(response, { type: "status", status: 4, message: new Uint8Array() });
});
