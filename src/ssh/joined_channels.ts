/**
 * Channels that carry connections: each is joined with a stream on this side, until both directions are done.
 * @module
 */
import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers";
import { joinStreams } from "../base/duplex.ts";
import { isAppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { ChannelLayer, IncomingOpen } from "./ssh2/channel_layer.ts";
import { refusalFor } from "./ssh2/open_refusal.ts";
import type { WireWriter } from "./wire.ts";

const log = logger("ssh");

/** What the other side sent before it left may still reach a stream for so long. */
const DRAIN_MS = 30_000;

/** The joined channels of one connection. */
export class JoinedChannels {
  readonly #layer: ChannelLayer;
  readonly #streams = new Set<Duplex>();

  /** @param closed settles when the connection is gone */
  constructor(layer: ChannelLayer, closed: Promise<void>) {
    this.#layer = layer;
    closed.then(() => {
      const streams = [...this.#streams];
      if (streams.length > 0) {
        setTimeout(() => streams.forEach((stream) => stream.destroy()), DRAIN_MS).unref();
      }
    });
  }

  /**
   * Accepts a channel once the stream is there for it; a stream that cannot be had refuses it, with the reason. Never
   * rejects.
   * @param join how the two are joined; it never rejects
   */
  async connect(open: IncomingOpen, dial: () => Promise<Duplex>, join = joinStreams): Promise<void> {
    let stream: Duplex;
    try {
      stream = await dial();
    } catch (error) {
      if (!isAppError(error)) {
        log.error("a forward failed unexpectedly: {error}", { error: messageOf(error) });
      }
      const { refusal, text } = refusalFor(error);
      return open.refuse(refusal, text);
    }
    stream.on("error", () => {}); // its end is noticed
    const channel = open.accept();
    if (channel) await this.#join(channel, stream, join);
    else stream.destroy(); // the other side left while we dialed
  }

  /**
   * Offers a connection that came in to the other side; when that does not take it, it is closed. Never rejects.
   * @param fields what the channel type has of its own
   */
  async offer(stream: Duplex, type: string, fields: WireWriter): Promise<void> {
    stream.on("error", () => {}); // its end is noticed
    try {
      await this.#join(await this.#layer.open(type, fields.bytes()), stream, joinStreams);
    } catch (error) {
      const text = messageOf(error);
      if (isAppError(error)) log.debug("nobody takes a forwarded connection: {error}", { error: text });
      else log.error("a forwarded connection failed unexpectedly: {error}", { error: text });
      stream.destroy();
    }
  }

  async #join(channel: Duplex, stream: Duplex, join: typeof joinStreams): Promise<void> {
    if (stream.destroyed) return void channel.destroy(); // it left before the channel was there
    this.#streams.add(stream);
    await join(channel, stream);
    this.#streams.delete(stream);
  }
}
