/**
 * A session channel before its program starts (RFC 4254 section 6): it takes requests, and what is sent to it is dropped,
 * as OpenSSH does.
 * @module
 */
import type { ChannelEnd, Ssh2Channel, Ssh2Connection } from "./internals.ts";
import { Channel } from "./library.ts";
import { orderStderr } from "./window_patch.ts";

export class UnstartedSession {
  /** ssh2's clean-up passes over what is closed already. */
  readonly incoming = { state: "closed" };
  /** What flow control looks at. */
  readonly _chanInfo: { type: "session"; incoming: ChannelEnd; outgoing: ChannelEnd };
  /** The client said that it sends no more. */
  ended = false;

  constructor(readonly library: Ssh2Connection, incoming: ChannelEnd, outgoing: ChannelEnd) {
    this._chanInfo = { type: "session", incoming, outgoing };
  }

  /** Makes it a channel with a standard error of its own; undefined when it was closed. */
  start(): Ssh2Channel | undefined {
    const { id } = this._chanInfo.incoming;
    if (this.library._chanMgr.get(id) !== this) return undefined;
    const channel = new Channel(this.library, this._chanInfo, { server: true });
    orderStderr(channel);
    this.library._chanMgr.update(id, channel);
    if (this.ended) {
      channel.incoming.state = "eof";
      channel.push(null);
    }
    return channel;
  }
}
