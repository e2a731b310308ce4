/**
 * Receiving a recording from the host that makes it.
 *
 * The server opens with the sizes it has, so that a host that was cut off goes on where it stopped. The host sends
 * frames (`session/upload_protocol.ts`). After the frame `end` the server answers one byte, and the host may drop its
 * copy. A host that connects anew takes over from its earlier, perhaps half-dead connection.
 * @module
 */
import { Buffer } from "node:buffer";
import { ByteQueue } from "../../base/byte_queue.ts";
import { AppError } from "../../base/errors.ts";
import type { HostIdentity } from "../../model/identity.ts";
import { ACKNOWLEDGED, encodeSizes, FRAME, HEADER, MAX_FRAME } from "../../session/upload_protocol.ts";
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
    channel.write(
      encodeSizes({ bytes: await recordings.size(sid, "bytes"), log: await recordings.size(sid, "log") }),
    );
    const received = new ByteQueue();
    for await (const chunk of channel) {
      received.push(chunk);
      while (received.length >= HEADER) {
        const header = received.peek(HEADER);
        const length = new DataView(header.buffer, header.byteOffset).getUint32(1);
        if (length > MAX_FRAME) throw new AppError("bad_input", "a recording frame is too large");
        if (received.length < HEADER + length) break;
        const kind = header[0];
        received.take(HEADER);
        const data = received.take(length);
        if (kind === FRAME.bytes) await recordings.append(sid, "bytes", data);
        else if (kind === FRAME.log) await recordings.append(sid, "log", data);
        else if (kind === FRAME.end) return this.#acknowledge(channel, sid);
        else throw new AppError("bad_input", "a recording frame has an unknown kind");
      }
    }
  }

  #acknowledge(channel: ServerSessionChannel, sid: string): void {
    this.recordings.finish(sid);
    channel.write(Buffer.from([ACKNOWLEDGED]));
    channel.exit(0);
    channel.end();
  }
}
