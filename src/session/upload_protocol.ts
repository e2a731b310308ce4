/**
 * How a recording travels from the host that makes it to the auth server, over one raw channel.
 *
 * The server opens with the sizes it has: two uint64, of the bytes and of the log. The host goes on from there with
 * frames: one byte kind, uint32 length, data. After `end` the server answers one byte, and the host may drop its copy.
 * All numbers are big-endian.
 * @module
 */
import { Buffer } from "node:buffer";
import { AppError } from "../base/errors.ts";
import type { PartSizes } from "./recording_format.ts";

/** The kinds of frames: data of either part, or the end of the recording. */
export const FRAME = { bytes: 1, log: 2, end: 3 } as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

/** The most data one frame may carry. */
export const MAX_FRAME = 1024 * 1024;

/** Bytes before a frame's data: the kind and the length. */
export const HEADER = 5;

/** Bytes of the server's opening. */
export const SIZES_LENGTH = 16;

/** What the server answers to `end`. */
export const ACKNOWLEDGED = 1;

/**
 * What stands before a frame's data.
 * @throws {AppError} bad_input when there is more data than a frame may carry
 */
export function encodeHeader(kind: FrameKind, length: number): Buffer {
  if (length > MAX_FRAME) {
    throw new AppError("bad_input", `a recording frame carries at most ${MAX_FRAME} bytes, not ${length}`);
  }
  const header = Buffer.alloc(HEADER);
  header[0] = kind;
  header.writeUInt32BE(length, 1);
  return header;
}

/** The server's opening: how much of each part it has. */
export function encodeSizes(sizes: PartSizes): Buffer {
  const opening = Buffer.alloc(SIZES_LENGTH);
  opening.writeBigUInt64BE(BigInt(sizes.bytes), 0);
  opening.writeBigUInt64BE(BigInt(sizes.log), 8);
  return opening;
}

/**
 * Reads the server's opening.
 * @throws {AppError} bad_input when it is not 16 bytes, or no file can be so large
 */
export function decodeSizes(opening: Uint8Array): PartSizes {
  if (opening.length !== SIZES_LENGTH) {
    throw new AppError(
      "bad_input",
      `the server opens an upload with ${SIZES_LENGTH} bytes, not ${opening.length}`,
    );
  }
  const view = new DataView(opening.buffer, opening.byteOffset, SIZES_LENGTH);
  const sizes = { bytes: Number(view.getBigUint64(0)), log: Number(view.getBigUint64(8)) };
  if (!Number.isSafeInteger(sizes.bytes) || !Number.isSafeInteger(sizes.log)) {
    throw new AppError("bad_input", "the server opened an upload with sizes no file can have");
  }
  return sizes;
}
