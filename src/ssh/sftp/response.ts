/**
 * What an sftp server answers (draft-ietf-secsh-filexfer-02 section 7): one value for each kind of answer, and both
 * directions between it and the bytes of a packet.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { type Attributes, readAttributes, writeAttributes } from "./attributes.ts";
import { PacketReader } from "./packet_reader.ts";
import type { PacketWriter } from "./packet_writer.ts";
import { PacketType, SFTP_VERSION } from "./protocol.ts";

/** One entry of a directory, or the one answer to realpath and readlink. */
export interface NamedFile {
  name: Uint8Array;
  /** The line that `ls -l` would print, for people. */
  longName: Uint8Array;
  attributes: Attributes;
}

export type Response =
  | { type: "status"; status: number; message: Uint8Array }
  | { type: "handle"; handle: Uint8Array }
  | { type: "data"; data: Uint8Array }
  | { type: "name"; files: NamedFile[] }
  | { type: "attributes"; attributes: Attributes }
  /** The answer of an extension; its layout depends on the request. */
  | { type: "extended"; data: Uint8Array };

/** Names, lengths and attributes of one entry take at least this. */
const SMALLEST_FILE = 12;
const NOTHING = new Uint8Array();

/** Reads a packet (without its length) that is not VERSION. @throws {AppError} bad_input for a broken one */
export function decodeResponse(packet: Uint8Array): { id: number; response: Response } {
  const reader = new PacketReader(packet);
  const type = reader.byte();
  const id = reader.uint32();
  return { id, response: readResponse(type, reader) };
}

function readResponse(type: number, reader: PacketReader): Response {
  switch (type) {
    case PacketType.STATUS: {
      const status = reader.uint32();
      // Servers of version 2 and below send no text, and a language tag after it means nothing to us.
      return { type: "status", status, message: reader.remaining > 0 ? reader.string() : NOTHING };
    }
    case PacketType.HANDLE:
      return { type: "handle", handle: reader.string() };
    case PacketType.DATA:
      return { type: "data", data: reader.string() };
    case PacketType.NAME: {
      const count = reader.uint32();
      if (count > reader.remaining / SMALLEST_FILE) {
        throw new AppError("bad_input", "an sftp packet holds fewer names than it says");
      }
      const files = Array.from({ length: count }, () => ({
        name: reader.string(),
        longName: reader.string(),
        attributes: readAttributes(reader),
      }));
      return { type: "name", files };
    }
    case PacketType.ATTRS:
      return { type: "attributes", attributes: readAttributes(reader) };
    case PacketType.EXTENDED_REPLY:
      return { type: "extended", data: reader.rest() };
    default:
      throw new AppError("bad_input", `an sftp server sent a packet of the unknown type ${type}`);
  }
}

/** Adds the packet of an answer to the writer. */
export function encodeResponse(writer: PacketWriter, id: number, response: Response): void {
  switch (response.type) {
    case "status":
      writer.begin(PacketType.STATUS).uint32(id).uint32(response.status).string(response.message).string(
        NOTHING,
      );
      break;
    case "handle":
      writer.begin(PacketType.HANDLE).uint32(id).string(response.handle);
      break;
    case "data":
      writer.begin(PacketType.DATA).uint32(id).string(response.data);
      break;
    case "name":
      writer.begin(PacketType.NAME).uint32(id).uint32(response.files.length);
      for (const { name, longName, attributes } of response.files) {
        writeAttributes(writer.string(name).string(longName), attributes);
      }
      break;
    case "attributes":
      writeAttributes(writer.begin(PacketType.ATTRS).uint32(id), response.attributes);
      break;
    case "extended":
      writer.begin(PacketType.EXTENDED_REPLY).uint32(id).raw(response.data);
  }
  writer.end();
}

/** What a server says first: the version, and its extensions by name. */
export function decodeVersion(packet: Uint8Array): { version: number; extensions: Map<string, string> } {
  const reader = new PacketReader(packet);
  const type = reader.byte();
  if (type !== PacketType.VERSION) {
    throw new AppError(
      "bad_input",
      `an sftp server began with a packet of type ${type}, not with its version`,
    );
  }
  const version = reader.uint32();
  const extensions = new Map<string, string>();
  while (reader.remaining > 0) extensions.set(latin1(reader.string()), latin1(reader.string()));
  return { version, extensions };
}

export function encodeVersion(
  writer: PacketWriter,
  extensions: readonly (readonly [string, string])[],
): void {
  writer.begin(PacketType.VERSION).uint32(SFTP_VERSION);
  for (const [name, version] of extensions) writer.string(name).string(version);
  writer.end();
}

/** What a client says first. */
export function encodeInit(writer: PacketWriter): void {
  writer.begin(PacketType.INIT).uint32(SFTP_VERSION).end();
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 256));
}
