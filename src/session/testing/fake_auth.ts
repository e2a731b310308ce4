/**
 * The receiving end of uploads, in memory: follows the upload protocol as the auth server does, and breaks uploads where a
 * test wants it.
 * @module
 */
import { Buffer } from "node:buffer";
import { type Duplex, duplexPair } from "node:stream";
import type { PartSizes } from "../recording_format.ts";
import { ACKNOWLEDGED, encodeSizes, FRAME, HEADER } from "../upload_protocol.ts";

interface Received {
  bytes: Buffer;
  log: Buffer;
  ended: boolean;
}

/** An auth server for one test. */
export class FakeAuth {
  readonly received = new Map<string, Received>();
  uploads = 0;
  /** The most uploads that ever ran at once. */
  most = 0;
  frames = 0;
  /** Breaks the upload when so many frames came, counted over all uploads. */
  breakAt: (frames: number) => boolean = () => false;
  /** Called when an upload is opened; a test makes it wait or throw. */
  beforeOpen: (sid: string) => Promise<void> | void = () => {};
  /** When set, told instead of the true sizes. */
  claims: PartSizes | undefined;

  readonly #open = new Set<Duplex>();

  /** Uploads running now. */
  get running(): number {
    return [...this.#open].filter((host) => !host.destroyed).length;
  }

  /** To be given as `openUpload`. */
  readonly open = async (sid: string): Promise<Duplex> => {
    this.uploads++;
    await this.beforeOpen(sid);
    const [host, server] = duplexPair();
    server.on("error", () => {});
    // As on a network: who hangs up is gone for the other side as well.
    host.once("close", () => server.destroy());
    server.once("close", () => host.destroy());
    this.#open.add(host);
    this.most = Math.max(this.most, this.running);
    this.#receive(server, sid).catch(() => {}).finally(() => server.destroy());
    return host;
  };

  of(sid: string): Received {
    let received = this.received.get(sid);
    if (!received) {
      this.received.set(sid, received = { bytes: Buffer.alloc(0), log: Buffer.alloc(0), ended: false });
    }
    return received;
  }

  async #receive(stream: Duplex, sid: string): Promise<void> {
    const received = this.of(sid);
    stream.write(encodeSizes(this.claims ?? { bytes: received.bytes.length, log: received.log.length }));
    let buffered: Buffer = Buffer.alloc(0);
    for await (const chunk of stream) {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= HEADER) {
        const length = buffered.readUInt32BE(1);
        if (buffered.length < HEADER + length) break;
        if (this.breakAt(++this.frames)) return;
        const data = buffered.subarray(HEADER, HEADER + length);
        if (buffered[0] === FRAME.bytes) received.bytes = Buffer.concat([received.bytes, data]);
        if (buffered[0] === FRAME.log) received.log = Buffer.concat([received.log, data]);
        if (buffered[0] === FRAME.end) {
          received.ended = true;
          await new Promise<void>((resolve) => stream.end(Buffer.from([ACKNOWLEDGED]), () => resolve()));
          await new Promise<void>((resolve) => stream.once("close", resolve).resume());
          return;
        }
        buffered = buffered.subarray(HEADER + length);
      }
    }
  }
}

/** Lets streams and promises go on for one turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
