/**
 * JSON-RPC messages on an SSH channel: four bytes of length, then UTF-8 JSON. The library's own framing has no bound;
 * this one refuses a message before it is stored.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import {
  AbstractMessageReader,
  AbstractMessageWriter,
  createMessageConnection,
  type DataCallback,
  type Disposable,
  type Message,
  type MessageConnection,
  type MessageReader,
  type MessageWriter,
} from "vscode-jsonrpc";
import { ByteQueue } from "../base/byte_queue.ts";

class FrameReader extends AbstractMessageReader implements MessageReader {
  readonly #received = new ByteQueue();
  #wanted = -1;

  constructor(readonly stream: Duplex, readonly maxBytes: number) {
    super();
  }

  listen(callback: DataCallback): Disposable {
    const onData = (chunk: Buffer) => {
      this.#received.push(chunk);
      try {
        this.#drain(callback);
      } catch (error) {
        this.fireError(error);
        this.stream.destroy();
      }
    };
    this.stream.on("data", onData);
    this.stream.once("close", () => this.fireClose());
    this.stream.once("end", () => this.fireClose());
    this.stream.on("error", () => this.fireClose());
    return { dispose: () => void this.stream.off("data", onData) };
  }

  #drain(callback: DataCallback): void {
    for (;;) {
      if (this.#wanted < 0) {
        if (this.#received.length < 4) return;
        this.#wanted = this.#received.take(4).readUInt32BE(0);
        if (this.#wanted > this.maxBytes) throw new Error(`a message of ${this.#wanted} bytes is too large`);
      }
      if (this.#received.length < this.#wanted) return;
      const body = this.#received.take(this.#wanted);
      this.#wanted = -1;
      const message: unknown = JSON.parse(body.toString("utf8"));
      if (typeof message !== "object" || message === null) throw new Error("a message is not an object");
      callback(message as Message);
    }
  }
}

class FrameWriter extends AbstractMessageWriter implements MessageWriter {
  constructor(readonly stream: Duplex) {
    super();
  }

  write(message: Message): Promise<void> {
    const body = Buffer.from(JSON.stringify(message), "utf8");
    const frame = Buffer.allocUnsafe(4 + body.length);
    frame.writeUInt32BE(body.length, 0);
    body.copy(frame, 4);
    return new Promise((resolve) => {
      if (this.stream.destroyed || !this.stream.writable) return resolve(); // the reader reports the close
      this.stream.write(frame, () => resolve());
    });
  }

  end(): void {
    this.stream.end();
  }
}

/** A JSON-RPC connection on a stream. The caller registers handlers, then calls `listen()`. */
export function rpcConnection(stream: Duplex, maxBytes: number): MessageConnection {
  return createMessageConnection(new FrameReader(stream, maxBytes), new FrameWriter(stream));
}
