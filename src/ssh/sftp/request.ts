/**
 * What a client asks of an sftp server (draft-ietf-secsh-filexfer-02 section 6, OpenSSH's PROTOCOL section 4): one value
 * for each kind of request, and both directions between it and the bytes of a packet.
 *
 * Paths and handles are bytes, because neither has to be text; what was read is a view of the packet.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { type Attributes, readAttributes, writeAttributes } from "./attributes.ts";
import { PacketReader } from "./packet_reader.ts";
import type { PacketWriter } from "./packet_writer.ts";
import { Extension, PacketType } from "./protocol.ts";

/** Requests that name one path and nothing else. */
export type PathRequest =
  | "lstat"
  | "stat"
  | "opendir"
  | "remove"
  | "rmdir"
  | "realpath"
  | "readlink"
  | "statvfs"
  | "expand-path";
/** Requests that name a path and attributes. */
export type AttributesRequest = "setstat" | "mkdir" | "lsetstat";
/** Requests that name two paths: the old one and the new one; for `symlink` what the link says, and the link. */
export type PairRequest = "rename" | "posix-rename" | "hardlink" | "symlink";
/** Requests that name a handle and nothing else. */
export type HandleRequest = "close" | "fstat" | "readdir" | "fstatvfs" | "fsync";

export interface OnPath {
  type: PathRequest;
  path: Uint8Array;
}

export interface OnAttributes {
  type: AttributesRequest;
  path: Uint8Array;
  attributes: Attributes;
}

export interface OnPair {
  type: PairRequest;
  path: Uint8Array;
  target: Uint8Array;
}

export interface OnHandle {
  type: HandleRequest;
  handle: Uint8Array;
}

export interface OpenRequest {
  type: "open";
  path: Uint8Array;
  flags: number;
  attributes: Attributes;
}

export interface ChangeHandleRequest {
  type: "fsetstat";
  handle: Uint8Array;
  attributes: Attributes;
}

export interface ReadRequest {
  type: "read";
  handle: Uint8Array;
  offset: number;
  length: number;
}

export interface WriteRequest {
  type: "write";
  handle: Uint8Array;
  offset: number;
  data: Uint8Array;
}

/** Copies between two open files on the server; a `length` of 0 means up to the end. */
export interface CopyRequest {
  type: "copy-data";
  from: Uint8Array;
  fromOffset: number;
  length: number;
  to: Uint8Array;
  toOffset: number;
}

export interface NamesRequest {
  type: "users-groups-by-id";
  users: number[];
  groups: number[];
}

export type Request =
  | OnPath
  | OnAttributes
  | OnPair
  | OnHandle
  | OpenRequest
  | ChangeHandleRequest
  | ReadRequest
  | WriteRequest
  | { type: "limits" }
  | { type: "home-directory"; user: Uint8Array }
  | NamesRequest
  | CopyRequest
  /** A packet type or an extension that is not known; `name` for the latter. */
  | { type: "unknown"; packet: number; name?: string };

type Reader = (reader: PacketReader) => Request;

const onPath = (type: PathRequest): Reader => (reader) => ({ type, path: reader.string() });
const onPair = (type: PairRequest): Reader => (reader) => ({
  type,
  path: reader.string(),
  target: reader.string(),
});
const onHandle = (type: HandleRequest): Reader => (reader) => ({ type, handle: reader.string() });
const onAttributes = (type: AttributesRequest): Reader => (reader) => ({
  type,
  path: reader.string(),
  attributes: readAttributes(reader),
});

const READERS: ReadonlyMap<number, Reader> = new Map([
  [PacketType.OPEN, (reader) => ({
    type: "open",
    path: reader.string(),
    flags: reader.uint32(),
    attributes: readAttributes(reader),
  })],
  [PacketType.CLOSE, onHandle("close")],
  [PacketType.READ, (reader) => ({
    type: "read",
    handle: reader.string(),
    offset: reader.uint64(),
    length: reader.uint32(),
  })],
  [PacketType.WRITE, (reader) => ({
    type: "write",
    handle: reader.string(),
    offset: reader.uint64(),
    data: reader.string(),
  })],
  [PacketType.LSTAT, onPath("lstat")],
  [PacketType.FSTAT, onHandle("fstat")],
  [PacketType.SETSTAT, onAttributes("setstat")],
  [PacketType.FSETSTAT, (reader) => ({
    type: "fsetstat",
    handle: reader.string(),
    attributes: readAttributes(reader),
  })],
  [PacketType.OPENDIR, onPath("opendir")],
  [PacketType.READDIR, onHandle("readdir")],
  [PacketType.REMOVE, onPath("remove")],
  [PacketType.MKDIR, onAttributes("mkdir")],
  [PacketType.RMDIR, onPath("rmdir")],
  [PacketType.REALPATH, onPath("realpath")],
  [PacketType.STAT, onPath("stat")],
  [PacketType.RENAME, onPair("rename")],
  [PacketType.READLINK, onPath("readlink")],
  [PacketType.SYMLINK, onPair("symlink")], // in OpenSSH's order, not the draft's
] as [number, Reader][]);

const EXTENDED_READERS: ReadonlyMap<string, Reader> = new Map([
  [Extension.posixRename, onPair("posix-rename")],
  [Extension.statvfs, onPath("statvfs")],
  [Extension.fstatvfs, onHandle("fstatvfs")],
  [Extension.hardlink, onPair("hardlink")],
  [Extension.fsync, onHandle("fsync")],
  [Extension.lsetstat, onAttributes("lsetstat")],
  [Extension.limits, () => ({ type: "limits" })],
  [Extension.expandPath, onPath("expand-path")],
  [Extension.copyData, (reader) => ({
    type: "copy-data",
    from: reader.string(),
    fromOffset: reader.uint64(),
    length: reader.uint64(),
    to: reader.string(),
    toOffset: reader.uint64(),
  })],
  [Extension.homeDirectory, (reader) => ({ type: "home-directory", user: reader.string() })],
  [Extension.usersGroupsById, (reader) => ({
    type: "users-groups-by-id",
    users: numbers(reader.string()),
    groups: numbers(reader.string()),
  })],
] as [string, Reader][]);

/** Reads a packet (without its length) that is not INIT. @throws {AppError} bad_input for a broken one */
export function decodeRequest(packet: Uint8Array): { id: number; request: Request } {
  const reader = new PacketReader(packet);
  const type = reader.byte();
  const id = reader.uint32();
  if (type !== PacketType.EXTENDED) {
    return { id, request: READERS.get(type)?.(reader) ?? { type: "unknown", packet: type } };
  }
  const name = asciiName(reader.string());
  return { id, request: EXTENDED_READERS.get(name)?.(reader) ?? { type: "unknown", packet: type, name } };
}

const PATH_TYPES: Readonly<
  Record<PathRequest | AttributesRequest | PairRequest | HandleRequest, number | string>
> = {
  lstat: PacketType.LSTAT,
  stat: PacketType.STAT,
  opendir: PacketType.OPENDIR,
  remove: PacketType.REMOVE,
  rmdir: PacketType.RMDIR,
  realpath: PacketType.REALPATH,
  readlink: PacketType.READLINK,
  statvfs: Extension.statvfs,
  "expand-path": Extension.expandPath,
  setstat: PacketType.SETSTAT,
  mkdir: PacketType.MKDIR,
  lsetstat: Extension.lsetstat,
  rename: PacketType.RENAME,
  "posix-rename": Extension.posixRename,
  hardlink: Extension.hardlink,
  symlink: PacketType.SYMLINK,
  close: PacketType.CLOSE,
  fstat: PacketType.FSTAT,
  readdir: PacketType.READDIR,
  fstatvfs: Extension.fstatvfs,
  fsync: Extension.fsync,
};

/** Adds the packet of a request to the writer. */
export function encodeRequest(writer: PacketWriter, id: number, request: Request): void {
  const start = (type: number | string) =>
    typeof type === "number"
      ? writer.begin(type).uint32(id)
      : writer.begin(PacketType.EXTENDED).uint32(id).string(type);
  switch (request.type) {
    case "open":
      start(PacketType.OPEN).string(request.path).uint32(request.flags);
      writeAttributes(writer, request.attributes);
      break;
    case "read":
      start(PacketType.READ).string(request.handle).uint64(request.offset).uint32(request.length);
      break;
    case "write":
      start(PacketType.WRITE).string(request.handle).uint64(request.offset).string(request.data);
      break;
    case "fsetstat":
      start(PacketType.FSETSTAT).string(request.handle);
      writeAttributes(writer, request.attributes);
      break;
    case "limits":
      start(Extension.limits);
      break;
    case "home-directory":
      start(Extension.homeDirectory).string(request.user);
      break;
    case "users-groups-by-id":
      start(Extension.usersGroupsById).string(packed(request.users)).string(packed(request.groups));
      break;
    case "copy-data":
      start(Extension.copyData).string(request.from).uint64(request.fromOffset).uint64(request.length)
        .string(request.to).uint64(request.toOffset);
      break;
    case "unknown":
      if (request.name !== undefined) start(request.name);
      else start(request.packet);
      break;
    default:
      start(PATH_TYPES[request.type]);
      if ("handle" in request) writer.string(request.handle);
      else writer.string(request.path);
      if ("target" in request) writer.string(request.target);
      if ("attributes" in request) writeAttributes(writer, request.attributes);
  }
  writer.end();
}

/** The name of an extension. What is not ASCII names none that we know. */
function asciiName(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 64));
}

function numbers(bytes: Uint8Array): number[] {
  if (bytes.length % 4 !== 0) throw new AppError("bad_input", "an sftp packet holds a broken list of ids");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4));
}

function packed(ids: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * 4);
  const view = new DataView(bytes.buffer);
  ids.forEach((id, index) => view.setUint32(index * 4, id));
  return bytes;
}
