/**
 * An sftp server that a test plays.
 * @module
 */
import { type Duplex, duplexPair } from "node:stream";
import { PacketStream } from "../packet_stream.ts";
import { PacketWriter } from "../packet_writer.ts";
import { PacketType } from "../protocol.ts";
import { decodeRequest, type Request } from "../request.ts";
import { encodeResponse, encodeVersion, type Response } from "../response.ts";

/** Answers nothing by itself but the version, and each request when `onRequest` says so. */
export class FakeServer {
  readonly requests: { id: number; request: Request }[] = [];
  readonly client: Duplex;
  /** Called with each request; what it returns is the answer. */
  onRequest: (request: Request) => Response | undefined = () => undefined;
  readonly #stream: Duplex;
  #arrived = Promise.withResolvers<void>();

  constructor(extensions: [string, string][] = []) {
    [this.client, this.#stream] = duplexPair();
    const packets = new PacketStream();
    this.#stream.on("data", (piece: Uint8Array) => {
      for (const packet of packets.take(piece)) {
        if (packet[0] === PacketType.INIT) this.write((writer) => encodeVersion(writer, extensions));
        else this.#take(decodeRequest(packet));
      }
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers<void>();
    });
    this.#stream.on("error", () => {});
  }

  #take(asked: { id: number; request: Request }): void {
    this.requests.push(asked);
    const answer = this.onRequest(asked.request);
    if (answer) this.answer(asked.id, answer);
  }

  write(write: (writer: PacketWriter) => void): void {
    const writer = new PacketWriter();
    write(writer);
    this.#stream.write(writer.bytes());
  }

  answer(id: number, response: Response): void {
    this.write((writer) => encodeResponse(writer, id, response));
  }

  async until(count: number): Promise<void> {
    while (this.requests.length < count) await this.#arrived.promise;
  }

  end(): void {
    this.#stream.end();
  }
}
