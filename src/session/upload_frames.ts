/**
 * Frames of an upload as they come in: what belongs to a part of the recording is passed on as it arrives, whether the
 * frame is complete or not. The host goes on where the server says that it stopped, be it within a frame.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { RecordingPart } from "./recording_format.ts";
import { FRAME, HEADER, MAX_FRAME } from "./upload_protocol.ts";

/** A piece of one part. The memory is the caller's of {@linkcode UploadFrames.pieces}. */
export interface UploadPiece {
  part: RecordingPart;
  data: Uint8Array;
}

const PARTS: ReadonlyMap<number, RecordingPart> = new Map([[FRAME.bytes, "bytes"], [FRAME.log, "log"]]);

export class UploadFrames {
  readonly #header = new Uint8Array(HEADER);
  #headerLength = 0;
  #part: RecordingPart | undefined;
  /** Bytes of the present frame that have not come yet. */
  #missing = 0;
  #ended = false;

  /** The host has sent all there is. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * What the bytes that have come are parts of. Nothing counts after the end.
   * @throws {AppError} bad_input for frames that are too large or unknown
   */
  *pieces(bytes: Uint8Array): Generator<UploadPiece> {
    for (let at = 0; at < bytes.length && !this.#ended;) {
      if (this.#part !== undefined && this.#missing > 0) {
        const data = bytes.subarray(at, at + this.#missing);
        at += data.length;
        this.#missing -= data.length;
        yield { part: this.#part, data };
        continue;
      }
      const more = bytes.subarray(at, at + HEADER - this.#headerLength);
      this.#header.set(more, this.#headerLength);
      this.#headerLength += more.length;
      at += more.length;
      if (this.#headerLength === HEADER) this.#begin();
    }
  }

  #begin(): void {
    this.#headerLength = 0;
    const kind = this.#header[0] ?? 0;
    this.#missing = new DataView(this.#header.buffer).getUint32(1);
    if (this.#missing > MAX_FRAME) throw new AppError("bad_input", "a recording frame is too large");
    this.#part = PARTS.get(kind);
    this.#ended = kind === FRAME.end;
    if (this.#part === undefined && !this.#ended) {
      throw new AppError("bad_input", "a recording frame has an unknown kind");
    }
  }
}
