/**
 * What is known of a file, or wanted for it (draft-ietf-secsh-filexfer-02 section 5). Everything may be absent.
 * @module
 */
import type { PacketReader } from "./packet_reader.ts";
import type { PacketWriter } from "./packet_writer.ts";

export interface Attributes {
  /** Bytes. */
  size?: number;
  owner?: { uid: number; gid: number };
  /** Type and permission bits, as in `st_mode` of POSIX. */
  mode?: number;
  /** Seconds since the epoch, 32 bits. */
  times?: { accessed: number; modified: number };
}

const SIZE = 1, OWNER = 2, MODE = 4, TIMES = 8, EXTENDED = 0x8000_0000;

export function readAttributes(reader: PacketReader): Attributes {
  const flags = reader.uint32();
  const attributes: Attributes = {};
  if (flags & SIZE) attributes.size = reader.uint64();
  if (flags & OWNER) attributes.owner = { uid: reader.uint32(), gid: reader.uint32() };
  if (flags & MODE) attributes.mode = reader.uint32();
  if (flags & TIMES) attributes.times = { accessed: reader.uint32(), modified: reader.uint32() };
  if (flags & EXTENDED) {
    // Unknown pairs of name and value mean nothing; a count that is too large ends at the end of the packet.
    for (let count = reader.uint32(); count > 0; count--) {
      reader.string();
      reader.string();
    }
  }
  return attributes;
}

export function writeAttributes(writer: PacketWriter, { size, owner, mode, times }: Attributes): void {
  writer.uint32(
    (size === undefined ? 0 : SIZE) | (owner ? OWNER : 0) | (mode === undefined ? 0 : MODE) |
      (times ? TIMES : 0),
  );
  if (size !== undefined) writer.uint64(size);
  if (owner) writer.uint32(owner.uid).uint32(owner.gid);
  if (mode !== undefined) writer.uint32(mode);
  if (times) writer.uint32(times.accessed).uint32(times.modified);
}

/** The type bits of a mode. */
const TYPE_MASK = 0o170000;
export const FileType = {
  FIFO: 0o010000,
  CHARACTER: 0o020000,
  DIRECTORY: 0o040000,
  BLOCK: 0o060000,
  REGULAR: 0o100000,
  LINK: 0o120000,
  SOCKET: 0o140000,
} as const;

/** One of {@link FileType}, or 0 when the mode does not tell. */
export function fileType(mode: number | undefined): number {
  return (mode ?? 0) & TYPE_MASK;
}

/** The bits that chmod(2) sets. */
export const PERMISSIONS = 0o7777;
/** Those that a transfer takes over: nobody becomes another user by a file from elsewhere. */
export const PLAIN_PERMISSIONS = 0o777;
/** What the owner needs to fill a new folder or file, whatever it is to be in the end. */
export const OWNER_ALL = 0o700, OWNER_WRITE = 0o200;
