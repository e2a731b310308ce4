/**
 * Receiving a recording from the host that makes it.
 *
 * The server opens with the sizes it has, so that a host that was cut off goes on where it stopped. The host sends
 * frames (`session/upload_protocol.ts`). After the frame `end` the server answers one byte, and the host may drop its
 * copy. A host that connects anew takes over from its earlier, perhaps half-dead connection.
 * @module
 */
import { Buffer } from "node:buffer";
import { arriving } from "../../session/arriving.ts";
import type { HostIdentity } from "../../model/identity.ts";
import { UploadFrames } from "../../session/upload_frames.ts";
import { ACKNOWLEDGED, encodeSizes } from "../../session/upload_protocol.ts";
import type { ServerSessionChannel } from "../../ssh/server_session.ts";
import type { Recordings } from "./recordings.ts";

interface Upload {
  channel: ServerSessionChannel;
  done: Promise<void>;
}

/** Uploads in progress; one for each session. */
export class RecordingReceiver {
  readonly #uploads = new Map<string, Upload>();

  /** Whether a recording comes in now. */
  receiving(sid: string): boolean {
    return this.#uploads.has(sid);
  }

  constructor(readonly recordings: Recordings) {}

  /** Serves one upload; resolves when the host is done or gone. */
  async receive(channel: ServerSessionChannel, sid: string, host: HostIdentity): Promise<void> {
    await this.recordings.claim(sid, host.hostId);
    for (let earlier = this.#uploads.get(sid); earlier; earlier = this.#uploads.get(sid)) {
      earlier.channel.destroy();
      await earlier.done; // its last append is over: the sizes are final
    }
    const done = this.#serve(channel, sid);
    const upload: Upload = { channel, done: done.catch(() => {}) };
    this.#uploads.set(sid, upload);
    try {
      await done;
    } finally {
      if (this.#uploads.get(sid) === upload) this.#uploads.delete(sid);
    }
  }

  async #serve(channel: ServerSessionChannel, sid: string): Promise<void> {
    const { recordings } = this;
    const sizes = { bytes: await recordings.size(sid, "bytes"), log: await recordings.size(sid, "log") };
    channel.write(encodeSizes(sizes));
    const append = async (part: keyof typeof sizes, data: Uint8Array) => {
      await recordings.append(sid, part, data, sizes[part]);
      sizes[part] += data.length;
    };
    const frames = new UploadFrames();
    for await (const bytes of arriving(channel)) {
      for (const { part, data } of frames.pieces(bytes)) await append(part, data);
      if (frames.ended) return await this.#acknowledge(channel, sid);
    }
  }

  async #acknowledge(channel: ServerSessionChannel, sid: string): Promise<void> {
    await this.recordings.finish(sid);
    channel.write(Buffer.from([ACKNOWLEDGED]));
    channel.exit(0);
    channel.end();
  }
}
