/**
 * An open file of another machine: reads and writes with many requests under way, so that neither side waits for the
 * other on a long line.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { shownName } from "../transfer/file_name.ts";
import type { Attributes } from "./attributes.ts";
import { succeeded, unexpected } from "./answer.ts";
import type { SftpConnection } from "./connection.ts";
import { Status } from "./protocol.ts";

/** Bytes of one file that are asked for or sent and not answered yet. */
const WINDOW = 4 * 1024 * 1024;
/** More requests than this make nothing faster. */
const MAX_REQUESTS = 64;

export class SftpFile {
  readonly #connection: SftpConnection;
  readonly #handle: Uint8Array;
  readonly #name: string;
  /** The largest pieces of data that the server reads and writes. */
  readonly pieces: { readonly read: number; readonly write: number };

  constructor(
    connection: SftpConnection,
    path: string,
    handle: Uint8Array,
    pieces: { read: number; write: number },
  ) {
    this.#connection = connection;
    this.#handle = handle;
    this.#name = shownName(path);
    this.pieces = pieces;
  }

  /** Up to `length` bytes; fewer when the server wants so, none at the end of the file. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const response = await this.#connection.request({ type: "read", handle: this.#handle, offset, length });
    if (response.type === "status" && response.status === Status.EOF) return new Uint8Array();
    if (response.type !== "data") throw unexpected(`read ${this.#name}`, response);
    const { data } = response;
    if (data.length > length) {
      throw new AppError("bad_input", `cannot read ${this.#name}: the server sent more than was asked for`);
    }
    if (data.length === 0) {
      throw new AppError("bad_input", `cannot read ${this.#name}: the server sent nothing`);
    }
    return data;
  }

  /** All bytes from `offset` on, in order. @param expected how many there should be: so much is asked for at once */
  async *readAll(offset: number, expected: number): AsyncGenerator<Uint8Array> {
    const piece = this.pieces.read;
    const most = requestsOf(piece);
    // One request more than the size needs finds the end of the file without a wait of its own.
    let want = Math.min(most, Math.ceil(Math.max(0, expected) / piece) + 1);
    const underWay: Promise<Uint8Array[]>[] = [];
    let next = offset;
    const ask = () => {
      const answer = this.#readWhole(next, piece);
      answer.catch(() => {}); // whoever takes it sees the failure; those behind it are never taken
      underWay.push(answer);
      next += piece;
    };
    for (;;) {
      while (underWay.length < want) ask();
      let length = 0;
      for (const part of await underWay.shift() ?? []) {
        length += part.length;
        yield part;
      }
      if (length < piece) return;
      if (next - offset > expected && want < most) want++; // it is longer than expected
    }
  }

  /** A piece in as many parts as the server makes of it; less than `length` only at the end of the file. */
  async #readWhole(offset: number, length: number): Promise<Uint8Array[]> {
    const parts: Uint8Array[] = [];
    for (let done = 0; done < length;) {
      const part = await this.read(offset + done, length - done);
      if (part.length === 0) break;
      parts.push(part);
      done += part.length;
    }
    return parts;
  }

  /** Writes all of `data`, which may be used again when this returns a promise. */
  write(offset: number, data: Uint8Array): Promise<void> {
    const answer = this.#connection.request({ type: "write", handle: this.#handle, offset, data });
    return answer.then((response) => succeeded(`write ${this.#name}`, response));
  }

  /** A writer of consecutive data from `offset` on. */
  writer(offset: number): SftpWriter {
    return new SftpWriter(this, offset, requestsOf(this.pieces.write));
  }

  async stat(): Promise<Attributes> {
    const response = await this.#connection.request({ type: "fstat", handle: this.#handle });
    if (response.type !== "attributes") throw unexpected(`look at ${this.#name}`, response);
    return response.attributes;
  }

  async setAttributes(attributes: Attributes): Promise<void> {
    const response = await this.#connection.request({ type: "fsetstat", handle: this.#handle, attributes });
    succeeded(`change ${this.#name}`, response);
  }

  /** Copies on the server, without the data coming here. @param length 0 for all up to the end */
  async copyTo(target: SftpFile, fromOffset: number, length: number, toOffset: number): Promise<void> {
    const ranges = { from: this.#handle, fromOffset, length, to: target.#handle, toOffset };
    succeeded(`copy ${this.#name}`, await this.#connection.request({ type: "copy-data", ...ranges }));
  }

  /** Brings what was written to the disk. Only where the server can. */
  async sync(): Promise<void> {
    succeeded(`save ${this.#name}`, await this.#connection.request({ type: "fsync", handle: this.#handle }));
  }

  async close(): Promise<void> {
    succeeded(`close ${this.#name}`, await this.#connection.request({ type: "close", handle: this.#handle }));
  }
}

function requestsOf(piece: number): number {
  return Math.min(MAX_REQUESTS, Math.max(2, Math.ceil(WINDOW / piece)));
}

/** Writes with many requests under way, and knows how much has arrived without a gap. */
export class SftpWriter {
  readonly #file: SftpFile;
  readonly #most: number;
  readonly #underWay: { end: number; done: Promise<void> }[] = [];
  #offset: number;
  #arrived: number;

  constructor(file: SftpFile, offset: number, most: number) {
    this.#file = file;
    this.#offset = this.#arrived = offset;
    this.#most = most;
  }

  /** Up to here the file is whole, whatever happens next. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Sends the next piece, at most as large as the server takes at once. Waits while too much is under way. */
  async write(data: Uint8Array): Promise<void> {
    const done = this.#file.write(this.#offset, data);
    done.catch(() => {}); // seen when its turn comes
    this.#offset += data.length;
    this.#underWay.push({ end: this.#offset, done });
    if (this.#underWay.length >= this.#most) await this.#first();
  }

  /** Waits for all that is under way. */
  async finish(): Promise<void> {
    while (this.#underWay.length > 0) await this.#first();
  }

  async #first(): Promise<void> {
    const first = this.#underWay.shift();
    if (!first) return;
    await first.done;
    this.#arrived = first.end;
  }
}
