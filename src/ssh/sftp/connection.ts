/**
 * The client's end of an sftp session: requests go out as they come, answers find their request by its number.
 * @module
 */
import type { Duplex } from "node:stream";
import { clearTimeout, setTimeout } from "node:timers";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import { give, receive } from "../../base/lending.ts";
import { PacketStream } from "./packet_stream.ts";
import { PacketWriter } from "./packet_writer.ts";
import { SFTP_VERSION } from "./protocol.ts";
import { encodeRequest, type Request } from "./request.ts";
import { decodeResponse, decodeVersion, encodeInit, type Response } from "./response.ts";

export interface ConnectionOptions {
  /** Milliseconds for the first answer. */
  startMs?: number;
  /** Milliseconds without any answer while requests wait, until the session is given up. */
  stallMs?: number;
}

interface Waiting<T> {
  resolve(answer: T): void;
  reject(error: unknown): void;
}

const DEFAULT_START_MS = 30_000;
const DEFAULT_STALL_MS = 300_000;
/** More requests than this wait for their turn. */
const MAX_OUTSTANDING = 1024;

export class SftpConnection {
  readonly #stream: Duplex;
  readonly #packets = new PacketStream();
  readonly #writer = new PacketWriter(1024);
  readonly #waiting = new Map<number, Waiting<Response>>();
  readonly #queued: (() => void)[] = [];
  readonly #stallMs: number;
  #lastId = 0;
  #failure: AppError | undefined;
  #starting: Waiting<void> | undefined;
  #stall: ReturnType<typeof setTimeout> | undefined;
  /** Since when an answer is due. */
  #answeredAt = 0;
  #extensions: ReadonlyMap<string, string> = new Map();

  private constructor(stream: Duplex, { stallMs = DEFAULT_STALL_MS }: ConnectionOptions) {
    this.#stream = stream;
    this.#stallMs = stallMs;
    receive(stream, (piece) => this.#take(piece));
    const ended = () => this.#fail(new AppError("closed", "the sftp session has ended"));
    stream.once("end", ended);
    stream.once("close", ended);
    stream.once("error", (error: unknown) => {
      this.#fail(new AppError("closed", `the sftp session broke: ${messageOf(error)}`, { cause: error }));
    });
  }

  /**
   * Begins the protocol on a stream that leads to an sftp server.
   * @throws {AppError} when the other side is none, or does not answer in time
   */
  static async start(stream: Duplex, options: ConnectionOptions = {}): Promise<SftpConnection> {
    const connection = new SftpConnection(stream, options);
    const late = () => connection.#fail(new AppError("timeout", "the sftp server does not answer"));
    const timer = setTimeout(late, options.startMs ?? DEFAULT_START_MS);
    try {
      await new Promise<void>((resolve, reject) => {
        connection.#starting = { resolve, reject };
        connection.#send((writer) => encodeInit(writer));
      });
      return connection;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What the server can do beyond version 3: versions by names. */
  get extensions(): ReadonlyMap<string, string> {
    return this.#extensions;
  }

  /** Sends a request; what it holds is used before this returns. @throws {AppError} when there will be no answer */
  request(request: Request): Promise<Response> {
    if (this.#waiting.size >= MAX_OUTSTANDING) {
      const kept = request.type === "write" ? { ...request, data: request.data.slice() } : request;
      return new Promise<void>((resolve) => this.#queued.push(resolve)).then(() => this.request(kept));
    }
    return new Promise<Response>((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      if (this.#waiting.size === 0) this.#answeredAt = performance.now();
      const id = this.#nextId();
      this.#waiting.set(id, { resolve, reject });
      this.#watchForStall();
      this.#send((writer) => encodeRequest(writer, id, request));
    });
  }

  /** Ends the session. Requests that wait are rejected. */
  close(): void {
    this.#fail(new AppError("closed", "the sftp session was closed"));
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId + 1) >>> 0;
    } while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }

  #send(write: (writer: PacketWriter) => void): void {
    write(this.#writer);
    // What the stream does not take at once it keeps: that is bounded by what transfers have under way.
    give(this.#stream, this.#writer.bytes());
    this.#writer.clear();
  }

  /** @returns true: more is always wanted, since all of it was asked for */
  #take(piece: Uint8Array): boolean {
    try {
      for (const packet of this.#packets.take(piece)) {
        if (this.#failure) break;
        this.#handle(packet);
      }
    } catch (error) {
      if (!isAppError(error)) throw error;
      this.#fail(error);
    }
    return true;
  }

  #handle(packet: Uint8Array): void {
    if (this.#starting) {
      const { version, extensions } = decodeVersion(packet);
      if (version !== SFTP_VERSION) {
        throw new AppError("unsupported", `the server speaks sftp version ${version}, not ${SFTP_VERSION}`);
      }
      this.#extensions = extensions;
      this.#starting.resolve();
      this.#starting = undefined;
      return;
    }
    const { id, response } = decodeResponse(packet);
    const waiting = this.#waiting.get(id);
    if (!waiting) throw new AppError("bad_input", "the sftp server answered what nobody had asked");
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#stopWatching();
    this.#queued.shift()?.();
    this.#answeredAt = performance.now();
    waiting.resolve(response);
  }

  /** One timer for as long as anything waits, set anew only when it fires: answers come by the thousand. */
  #watchForStall(): void {
    if (this.#stall !== undefined) return;
    const look = () => {
      const left = this.#answeredAt + this.#stallMs - performance.now();
      if (left > 0) this.#stall = setTimeout(look, left);
      else this.#fail(new AppError("timeout", "the sftp server does not answer any more"));
    };
    this.#stall = setTimeout(look, this.#stallMs);
  }

  #stopWatching(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
  }

  #fail(error: AppError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#stopWatching();
    this.#starting?.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    for (const resume of this.#queued.splice(0)) resume();
    this.#stream.on("error", () => {}); // nobody is left to hear of it
    this.#stream.end();
    this.#stream.resume();
  }
}
