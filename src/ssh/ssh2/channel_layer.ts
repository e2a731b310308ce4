/**
 * The channels of one connection, whichever side opens them (RFC 4254 section 5), in place of ssh2's own bookkeeping.
 * That knows few channel types, refuses without a reason, leaves requests without an answer once a session runs, and
 * never forgets a session that is closed before it starts. ssh2 still moves the bytes of open channels.
 * @module
 */
import { Buffer } from "node:buffer";
import { clearTimeout, setTimeout } from "node:timers";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { peerText } from "../peer_text.ts";
import { RequestLine } from "../request_line.ts";
import { WireReader, WireWriter } from "../wire.ts";
import { boundAnswers } from "./answer_bound.ts";
import type { Gate } from "./gate.ts";
import { installIncomingWindow } from "./incoming_window.ts";
import type { ChannelEnd, PendingOpen, Ssh2Channel, Ssh2Connection } from "./internals.ts";
import { Channel, MAX_WINDOW, PACKET_SIZE, sendMessage } from "./library.ts";
import { type Refusal, refusalError, refusalNumber } from "./open_refusal.ts";
import { orderStderr } from "./window_patch.ts";

const log = logger("ssh");

const OPEN = 90, OPEN_CONFIRMATION = 91, OPEN_FAILURE = 92, REQUEST = 98, SUCCESS = 99, FAILURE = 100;

/** A channel that takes less at once would have us send a packet for every few bytes. */
const MIN_PACKET = 256;
/** Requests that may wait for one that takes time; a session has no more variables than this. */
const MAX_WAITING = 256;
const OPEN_TIMEOUT_MS = 60_000;

/** True is success; a function is too, and what it does comes after the answer. */
export type Answer = boolean | (() => void);

/**
 * Answers a request on a channel. It reads the fields at once, and what it throws as AppError `bad_input` ends the
 * connection.
 */
export type RequestHandler = (type: string, fields: WireReader) => Answer | Promise<Answer>;

/** The other side's wish for a channel: to be accepted or refused, once. */
export interface IncomingOpen {
  readonly type: string;
  /** What the type has of its own. */
  readonly fields: WireReader;
  /** A channel for bytes both ways, either of which may end first; undefined when nobody is there any more. */
  accept(): Ssh2Channel | undefined;
  /**
   * A session, with a standard error of its own. What comes before its program runs waits for that. To be decided at
   * once.
   */
  acceptSession(receiver: Receiver): Ssh2Channel;
  /** Tells something on the channel that was accepted; there is no answer. */
  notify(channel: Ssh2Channel, type: string, fields: Uint8Array): void;
  refuse(refusal: Refusal, reason: string): void;
}

/** Gets what belongs to a channel and is no data. */
export interface Receiver {
  request: RequestHandler;
  /** The other side closed the channel, or the connection is gone. */
  closed(): void;
}

const NOBODY: Receiver = { request: () => false, closed: () => {} };

export interface ChannelLayerOptions {
  gate: Gate;
  /** Open and wanted channels together. */
  maxChannels: number;
  onOpen(open: IncomingOpen): void;
}

export class ChannelLayer {
  readonly #library: Ssh2Connection;
  readonly #options: ChannelLayerOptions;
  readonly #receivers = new Map<number, Receiver & { line: RequestLine }>();
  readonly #countAnswer: () => void;
  #undecided = 0;

  /** Takes the connection's channels over. Call it before any can be opened. */
  constructor(library: Ssh2Connection, options: ChannelLayerOptions) {
    this.#library = library;
    this.#options = options;
    const { gate } = options;
    this.#countAnswer = boundAnswers(library, (reason) => gate.cut(reason));
    gate.take(OPEN, (fields) => this.#onOpen(fields));
    gate.take(OPEN_CONFIRMATION, (fields) => this.#onConfirmation(fields));
    gate.take(OPEN_FAILURE, (fields) => this.#onFailure(fields));
    gate.take(REQUEST, (fields) => this.#onRequest(fields));
    gate.take(SUCCESS, (fields) => this.#onAnswer(fields.uint32(), false));
    gate.take(FAILURE, (fields) => this.#onAnswer(fields.uint32(), true));
    const { _handlers: handlers } = library._protocol;
    const onClose = handlers.CHANNEL_CLOSE;
    handlers.CHANNEL_CLOSE = (protocol, ...rest) => {
      onClose?.(protocol, ...rest);
      this.#countAnswer();
      this.#forget(rest[0] as number);
    };
    installIncomingWindow(library, (reason) => gate.cut(reason));
    library.once("close", () => {
      for (const id of [...this.#receivers.keys()]) this.#forget(id);
    });
  }

  /** False once nothing can be sent any more. */
  get alive(): boolean {
    return this.#library._protocol._destruct !== undefined;
  }

  /** Counts something that was answered outside of channels. */
  countAnswer(): void {
    this.#countAnswer();
  }

  /**
   * Opens a channel at the other side.
   * @param type may be "session" only towards a server
   * @param receiver absent: what the other side asks on it is refused
   * @throws {AppError} with the other side's reason: access_denied, limit, unsupported or unavailable; timeout; closed
   */
  open(type: string, fields: Uint8Array, receiver = NOBODY): Promise<Ssh2Channel> {
    const table = this.#library._chanMgr;
    return new Promise((resolve, reject) => {
      if (!this.alive) return reject(new AppError("closed", "the SSH connection is closed"));
      if (this.#full) return reject(new AppError("limit", this.#limitText));
      let waiting = true;
      const pending: PendingOpen & { type: string } = Object.assign(
        (error?: Error, channel?: Ssh2Channel) => {
          if (!waiting) return channel?.close(); // it comes too late
          waiting = false;
          clearTimeout(timer);
          if (channel) resolve(channel);
          else reject(isAppError(error) ? error : new AppError("closed", "the SSH connection is closed"));
        },
        { type },
      );
      const timer = setTimeout(() => {
        waiting = false;
        reject(new AppError("timeout", `the other side does not answer whether it opens a ${type} channel`));
      }, OPEN_TIMEOUT_MS);
      timer.unref();
      const id = table.add(pending);
      this.#receive(id, receiver);
      this.#send(
        new WireWriter().byte(OPEN).string(type).uint32(id).uint32(MAX_WINDOW).uint32(PACKET_SIZE).raw(
          fields,
        ),
      );
    });
  }

  /** Asks for something on a channel. @returns false when it is refused, or the channel closed */
  request(channel: Ssh2Channel, type: string, fields: Uint8Array = new Uint8Array()): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#notify(channel, type, fields, true)) return resolve(false);
      channel._callbacks.push((failed) => resolve(!failed));
    });
  }

  /** Tells something on a channel; there is no answer. */
  notify(channel: Ssh2Channel, type: string, fields: Uint8Array = new Uint8Array()): void {
    this.#notify(channel, type, fields, false);
  }

  #notify({ outgoing }: Ssh2Channel, type: string, fields: Uint8Array, wantReply: boolean): boolean {
    if (!this.alive || outgoing.state === "closing" || outgoing.state === "closed") return false;
    this.#send(
      new WireWriter().byte(REQUEST).uint32(outgoing.id).string(type).boolean(wantReply).raw(fields),
    );
    return true;
  }

  #send(message: WireWriter): void {
    sendMessage(this.#library._protocol, message.bytes());
  }

  get #full(): boolean {
    return this.#library._chanMgr._count + this.#undecided >= this.#options.maxChannels;
  }

  get #limitText(): string {
    return `too many channels on this connection: ${this.#options.maxChannels} are allowed`;
  }

  #receive(id: number, { request, closed }: Receiver): void {
    this.#receivers.set(id, { line: new RequestLine(MAX_WAITING), request, closed });
  }

  #forget(id: number): void {
    const receiver = this.#receivers.get(id);
    this.#receivers.delete(id);
    receiver?.closed();
  }

  #onOpen(fields: WireReader): void {
    const type = fields.string().toString();
    const outgoing = readEnd(fields);
    const { _protocol: protocol, _chanMgr: table } = this.#library;
    let undecided = true;
    this.#undecided++;
    const decide = () => {
      if (!undecided) throw new AppError("internal", `a ${type} channel was answered twice`);
      undecided = false;
      this.#undecided--;
      if (this.alive) this.#countAnswer();
    };
    const confirm = <T>(make: (incoming: ChannelEnd) => T, receiver: Receiver): T => {
      decide();
      const id = table.add();
      const made = make({ id, window: MAX_WINDOW, packetSize: PACKET_SIZE, state: "open" });
      table.update(id, made);
      this.#receive(id, receiver);
      protocol.channelOpenConfirm(outgoing.id, id, MAX_WINDOW, PACKET_SIZE);
      return made;
    };
    const refuse = (refusal: Refusal, reason: string) => {
      decide();
      if (this.alive) protocol.channelOpenFail(outgoing.id, refusalNumber(refusal), reason);
    };
    if (outgoing.packetSize < MIN_PACKET) {
      return refuse("prohibited", `a maximum packet size of ${outgoing.packetSize} bytes is too small`);
    }
    if (table._count + this.#undecided > this.#options.maxChannels) {
      return refuse("shortage", this.#limitText);
    }
    this.#options.onOpen({
      type,
      fields,
      refuse,
      accept: () => {
        if (!this.alive) return void decide();
        return confirm((incoming) => byteChannel(this.#library, undefined, incoming, outgoing), NOBODY);
      },
      acceptSession: (receiver) =>
        confirm((incoming) => sessionChannel(this.#library, incoming, outgoing), receiver),
      notify: (channel, type, fields) => this.notify(channel, type, fields),
    });
  }

  #onConfirmation(fields: WireReader): void {
    const id = fields.uint32();
    const outgoing = readEnd(fields);
    const pending = this.#library._chanMgr.get(id);
    if (!isPending(pending)) return;
    if (outgoing.packetSize < MIN_PACKET) {
      return this.#options.gate.cut(`a maximum packet size of ${outgoing.packetSize} bytes is too small`);
    }
    const incoming: ChannelEnd = { id, window: MAX_WINDOW, packetSize: PACKET_SIZE, state: "open" };
    const channel = byteChannel(this.#library, pending.type, incoming, outgoing);
    this.#library._chanMgr.update(id, channel);
    pending(undefined, channel);
  }

  #onFailure(fields: WireReader): void {
    const id = fields.uint32();
    const code = fields.uint32();
    const text = peerText(fields.string());
    const pending = this.#library._chanMgr.get(id);
    if (!isPending(pending)) return;
    this.#library._chanMgr.remove(id);
    this.#forget(id);
    pending(refusalError(code, text));
  }

  #onRequest(fields: WireReader): void {
    const id = fields.uint32();
    const type = fields.string().toString();
    const wantReply = fields.boolean();
    const receiver = this.#receivers.get(id);
    const end = endOf(this.#library._chanMgr.get(id));
    if (!receiver || !end) return;
    const answer = (good: Answer) => {
      if (wantReply && this.alive && end.state !== "closing" && end.state !== "closed") {
        if (good) this.#library._protocol.channelSuccess(end.id);
        else this.#library._protocol.channelFailure(end.id);
        this.#countAnswer();
      }
      if (typeof good === "function") good();
    };
    const { line, request } = receiver;
    const rest = fields.rest();
    const own = new WireReader(line.busy ? Buffer.from(rest) : rest); // what waits outlives the packet
    if (!line.add(() => this.#serve(() => request(type, own), answer), rest.length)) {
      this.#options.gate.cut("too many requests on a channel wait for an answer");
    }
  }

  #onAnswer(id: number, failed: boolean): void {
    const entry = this.#library._chanMgr.get(id);
    if (entry instanceof Channel) (entry as Ssh2Channel)._callbacks.shift()?.(failed);
  }

  #serve(request: () => Answer | Promise<Answer>, answer: (good: Answer) => void): void | Promise<void> {
    const fail = (error: unknown) => {
      if (!isAppError(error, "bad_input")) {
        log.error("a channel request failed unexpectedly: {error}", { error: messageOf(error) });
      }
      this.#options.gate.cut(isAppError(error) ? error.message : "internal error");
    };
    try {
      const good = request();
      if (good instanceof Promise) return good.then(answer).catch(fail);
      answer(good);
    } catch (error) {
      fail(error);
    }
  }
}

/** A channel that may be closed in one direction first: ssh2's "server" channels cannot. */
function byteChannel(
  library: Ssh2Connection,
  type: string | undefined,
  incoming: ChannelEnd,
  outgoing: ChannelEnd,
): Ssh2Channel {
  return new Channel(library, { type, incoming, outgoing }, { server: false });
}

/** The server's end of a session. */
function sessionChannel(library: Ssh2Connection, incoming: ChannelEnd, outgoing: ChannelEnd): Ssh2Channel {
  const channel = new Channel(library, { type: "session", incoming, outgoing }, { server: true });
  orderStderr(channel);
  return channel;
}

/** What the other side says of its end of a channel: its number, window and packet size. */
function readEnd(fields: WireReader): ChannelEnd {
  const id = fields.uint32();
  const window = fields.uint32();
  return { id, window, packetSize: Math.min(fields.uint32(), PACKET_SIZE), state: "open" };
}

function isPending(entry: unknown): entry is PendingOpen & { type: string } {
  return typeof entry === "function";
}

/** Our direction of an open channel. */
function endOf(entry: unknown): ChannelEnd | undefined {
  return entry instanceof Channel ? (entry as Ssh2Channel).outgoing : undefined;
}
