/**
 * Values of the sftp protocol for property tests and fuzzers.
 * @module
 */
import fc from "fast-check";
import type { Attributes } from "../attributes.ts";
import type { Request } from "../request.ts";
import type { Response } from "../response.ts";

const bytes = fc.uint8Array({ maxLength: 64 });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const uint64 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

export const anyAttributes: fc.Arbitrary<Attributes> = fc.record({
  size: uint64,
  owner: fc.record({ uid: uint32, gid: uint32 }),
  mode: uint32,
  times: fc.record({ accessed: uint32, modified: uint32 }),
}, { requiredKeys: [] });

const tag = <T extends string>(...types: T[]) => fc.constantFrom(...types);

export const anyRequest: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    type: tag(
      "lstat",
      "stat",
      "opendir",
      "remove",
      "rmdir",
      "realpath",
      "readlink",
      "statvfs",
      "expand-path",
    ),
    path: bytes,
  }),
  fc.record({ type: tag("setstat", "mkdir", "lsetstat"), path: bytes, attributes: anyAttributes }),
  fc.record({ type: tag("rename", "posix-rename", "hardlink", "symlink"), path: bytes, target: bytes }),
  fc.record({ type: tag("close", "fstat", "readdir", "fstatvfs", "fsync"), handle: bytes }),
  fc.record({ type: tag("open"), path: bytes, flags: uint32, attributes: anyAttributes }),
  fc.record({ type: tag("fsetstat"), handle: bytes, attributes: anyAttributes }),
  fc.record({ type: tag("read"), handle: bytes, offset: uint64, length: uint32 }),
  fc.record({ type: tag("write"), handle: bytes, offset: uint64, data: bytes }),
  fc.record({ type: tag("limits") }),
  fc.record({ type: tag("home-directory"), user: bytes }),
  fc.record({ type: tag("users-groups-by-id"), users: fc.array(uint32), groups: fc.array(uint32) }),
  fc.record({
    type: tag("copy-data"),
    from: bytes,
    fromOffset: uint64,
    length: uint64,
    to: bytes,
    toOffset: uint64,
  }),
  fc.record({ type: tag("unknown"), packet: fc.integer({ min: 21, max: 99 }) }),
);

export const anyResponse: fc.Arbitrary<Response> = fc.oneof(
  fc.record({ type: tag("status"), status: uint32, message: bytes }),
  fc.record({ type: tag("handle"), handle: bytes }),
  fc.record({ type: tag("data"), data: bytes }),
  fc.record({
    type: tag("name"),
    files: fc.array(fc.record({ name: bytes, longName: bytes, attributes: anyAttributes })),
  }),
  fc.record({ type: tag("attributes"), attributes: anyAttributes }),
  fc.record({ type: tag("extended"), data: bytes }),
);
