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

class FrameReader extends AbstractMessageReader implements MessageReader {
  #chunks: Buffer[] = [];
  #buffered = 0;
  #wanted = -1;

  constructor(readonly stream: Duplex, readonly maxBytes: number) {
    super();
  }

  listen(callback: DataCallback): Disposable {
    const onData = (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
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

  #take(length: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] ?? Buffer.alloc(0) : Buffer.concat(this.#chunks);
    this.#chunks = all.length > length ? [all.subarray(length)] : [];
    this.#buffered -= length;
    return all.subarray(0, length);
  }

  #drain(callback: DataCallback): void {
    for (;;) {
      if (this.#wanted < 0) {
        if (this.#buffered < 4) return;
        this.#wanted = this.#take(4).readUInt32BE(0);
        if (this.#wanted > this.maxBytes) throw new Error(`a message of ${this.#wanted} bytes is too large`);
      }
      if (this.#buffered < this.#wanted) return;
      const body = this.#take(this.#wanted);
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
