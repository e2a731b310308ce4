/**
 * The host's end of one upload: a stream that speaks the upload protocol, every wait with a deadline.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { Clock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { PartSizes } from "./recording_format.ts";
import type { Signal } from "./signal.ts";
import {
  ACKNOWLEDGED,
  decodeSizes,
  encodeHeader,
  FRAME,
  type FrameKind,
  SIZES_LENGTH,
} from "./upload_protocol.ts";

/** How long the server may take to answer, or to take more data. */
const PATIENCE_MS = 60_000;
const NOTHING = new Uint8Array();

/** One upload over one stream. Its waits share the shipper's signal, so a broken stream wakes the shipper. */
export class UploadConnection {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #signal: Signal;
  #received: Uint8Array = new Uint8Array();
  #broken: AppError | undefined;

  constructor(stream: Duplex, clock: Clock, signal: Signal) {
    this.#stream = stream;
    this.#clock = clock;
    this.#signal = signal;
    stream.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    stream.on(
      "error",
      (cause) => this.#break(new AppError("closed", `the upload broke: ${cause.message}`, { cause })),
    );
    stream.on("end", () => this.#break(new AppError("closed", "the server ended the upload")));
    stream.on("close", () => this.#break(new AppError("closed", "the upload was closed")));
  }

  /** Why nothing more can be sent. */
  get broken(): AppError | undefined {
    return this.#broken;
  }

  /** How much of the recording the server has. */
  async sizes(): Promise<PartSizes> {
    await this.#until(() => this.#received.length >= SIZES_LENGTH, "did not say how much it has");
    return decodeSizes(this.#received.subarray(0, SIZES_LENGTH));
  }

  /** Sends one frame. The data must not change until this resolves; then the stream is done with it. */
  async send(kind: FrameKind, data: Uint8Array = NOTHING): Promise<void> {
    if (this.#broken) throw this.#broken;
    let taken = false;
    const done = () => {
      taken = true;
      this.#signal.notify();
    };
    const header = encodeHeader(kind, data.length);
    if (data.length === 0) this.#stream.write(header, done);
    else {
      this.#stream.write(header);
      this.#stream.write(data, done);
    }
    await this.#until(() => taken, "took no more data");
  }

  /** Ends the recording; resolves when the server has all of it. */
  async finish(): Promise<void> {
    await this.send(FRAME.end);
    await this.#until(() => this.#received.length > SIZES_LENGTH, "did not confirm that it has all");
    if (this.#received[SIZES_LENGTH] !== ACKNOWLEDGED) {
      throw new AppError("bad_input", "the server answered the end of the recording with something unknown");
    }
  }

  close(): void {
    this.#stream.destroy();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#received.length + chunk.length > SIZES_LENGTH + 1) {
      this.#break(new AppError("bad_input", "the server says more than an upload needs"));
      this.#stream.destroy();
      return;
    }
    this.#received = Buffer.concat([this.#received, chunk]);
    this.#signal.notify();
  }

  #break(error: AppError): void {
    this.#broken ??= error;
    this.#signal.notify();
  }

  async #until(done: () => boolean, failing: string): Promise<void> {
    const deadline = { clock: this.#clock, ms: PATIENCE_MS };
    const inTime = await this.#signal.until(() => done() || this.#broken !== undefined, deadline);
    if (done()) return;
    if (this.#broken) throw this.#broken;
    if (!inTime) throw new AppError("timeout", `the server ${failing} within ${PATIENCE_MS / 1000} seconds`);
  }
}
