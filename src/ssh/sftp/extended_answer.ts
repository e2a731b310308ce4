/**
 * The answers of OpenSSH's extensions that have a layout of their own (PROTOCOL sections 4.4, 4.8 and 4.10).
 * @module
 */
import { decodeText, PacketReader } from "./packet_reader.ts";
import type { PacketWriter } from "./packet_writer.ts";

/** How much a server takes at once, in bytes; 0 where it does not say. */
export interface Limits {
  packet: number;
  read: number;
  write: number;
  openHandles: number;
}

export function decodeLimits(data: Uint8Array): Limits {
  const reader = new PacketReader(data);
  return {
    packet: reader.uint64(),
    read: reader.uint64(),
    write: reader.uint64(),
    openHandles: reader.uint64(),
  };
}

export function writeLimits(writer: PacketWriter, { packet, read, write, openHandles }: Limits): void {
  writer.uint64(packet).uint64(read).uint64(write).uint64(openHandles);
}

/** A file system, as statvfs(3) tells. */
export interface FileSystem {
  blockSize: bigint;
  fragmentSize: bigint;
  blocks: bigint;
  freeBlocks: bigint;
  availableBlocks: bigint;
  files: bigint;
  freeFiles: bigint;
  availableFiles: bigint;
  id: bigint;
  readOnly: boolean;
  noSetuid: boolean;
  longestName: bigint;
}

const READ_ONLY = 1n, NO_SETUID = 2n;

export function decodeFileSystem(data: Uint8Array): FileSystem {
  const reader = new PacketReader(data);
  const [blockSize, fragmentSize, blocks, freeBlocks] = [next(), next(), next(), next()];
  const [availableBlocks, files, freeFiles, availableFiles] = [next(), next(), next(), next()];
  const [id, flags, longestName] = [next(), next(), next()];
  return {
    blockSize,
    fragmentSize,
    blocks,
    freeBlocks,
    availableBlocks,
    files,
    freeFiles,
    availableFiles,
    id,
    readOnly: (flags & READ_ONLY) !== 0n,
    noSetuid: (flags & NO_SETUID) !== 0n,
    longestName,
  };

  function next(): bigint {
    return reader.exactUint64();
  }
}

export function writeFileSystem(writer: PacketWriter, system: FileSystem): void {
  writer.uint64(system.blockSize).uint64(system.fragmentSize).uint64(system.blocks).uint64(system.freeBlocks)
    .uint64(system.availableBlocks).uint64(system.files).uint64(system.freeFiles).uint64(
      system.availableFiles,
    )
    .uint64(system.id).uint64((system.readOnly ? READ_ONLY : 0n) | (system.noSetuid ? NO_SETUID : 0n))
    .uint64(system.longestName);
}

/** Names of users and groups, in the order of the ids; empty where an id has none. */
export function decodeNames(data: Uint8Array): { users: string[]; groups: string[] } {
  const reader = new PacketReader(data);
  return { users: texts(reader.string()), groups: texts(reader.string()) };
}

function texts(packed: Uint8Array): string[] {
  const reader = new PacketReader(packed);
  const found: string[] = [];
  while (reader.remaining > 0) found.push(decodeText(reader.string()));
  return found;
}
