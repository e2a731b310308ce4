/**
 * Global requests of one connection, both ways (RFC 4254 section 4). Answers carry no number, so they must come in the
 * order of the requests, and a refusal carries no reason: it goes ahead of it as a debug message (RFC 4253 section 11.3),
 * which OpenSSH's client shows with -v.
 * @module
 */
import { Buffer } from "node:buffer";
import { clearTimeout, setTimeout } from "node:timers";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { peerText } from "../peer_text.ts";
import { RequestLine } from "../request_line.ts";
import { WireReader, WireWriter } from "../wire.ts";
import type { ChannelLayer } from "./channel_layer.ts";
import type { Gate } from "./gate.ts";
import type { Ssh2Connection } from "./internals.ts";
import { sendMessage } from "./library.ts";

const DEBUG = 4, REQUEST = 80, SUCCESS = 81, FAILURE = 82;
const MAX_WAITING = 64;
const TIMEOUT_MS = 30_000;

const NOTHING = new Uint8Array();

const log = logger("ssh");

/**
 * Serves one request; what it gives is the data of the answer. An AppError refuses, with its text as the reason, except
 * `bad_input`, which ends the connection.
 */
export type ServeGlobal = (name: string, fields: WireReader) => Uint8Array | Promise<Uint8Array>;

interface Waiting {
  done(answer: Buffer | Error): void;
}

export class GlobalRequests {
  readonly #library: Ssh2Connection;
  readonly #layer: ChannelLayer;
  readonly #gate: Gate;
  readonly #serve: ServeGlobal;
  readonly #line = new RequestLine(MAX_WAITING);
  readonly #waiting: Waiting[] = [];
  /** What the other side said last; a refusal that follows is explained by it. */
  #told = "";

  constructor(library: Ssh2Connection, layer: ChannelLayer, gate: Gate, serve: ServeGlobal) {
    this.#library = library;
    this.#layer = layer;
    this.#gate = gate;
    this.#serve = serve;
    gate.take(REQUEST, (fields) => this.#onRequest(fields));
    gate.take(SUCCESS, (fields) => this.#onAnswer(Buffer.from(fields.rest())));
    gate.take(FAILURE, () => this.#onAnswer(new AppError("access_denied", this.#told || "no reason given")));
    gate.take(DEBUG, (fields) => {
      fields.boolean();
      this.#told = peerText(fields.string());
    });
    library.once("close", () => {
      for (const { done } of this.#waiting.splice(0)) {
        done(new AppError("closed", "the SSH connection is closed"));
      }
    });
  }

  /** The last explanation of the other side since we asked for something. */
  get told(): string {
    return this.#told;
  }

  /**
   * Asks the other side for something.
   * @param granted called at once with the data of a success: the next message may build on it
   * @throws {AppError} access_denied with the other side's reason, timeout or closed
   */
  ask(name: string, fields: Uint8Array = NOTHING, granted = (_data: Buffer) => {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#layer.alive) return reject(new AppError("closed", "the SSH connection is closed"));
      const timer = setTimeout(() => {
        reject(new AppError("timeout", `the other side does not answer the request ${name}`));
      }, TIMEOUT_MS);
      timer.unref();
      this.#waiting.push({
        done(answer) {
          clearTimeout(timer);
          if (answer instanceof Error) return reject(answer);
          granted(answer);
          resolve();
        },
      });
      this.#told = "";
      this.#send(new WireWriter().byte(REQUEST).string(name).boolean(true).raw(fields));
    });
  }

  /** Asks whether the other side is still there, as OpenSSH does. @returns settles with its answer, whatever that is */
  async ping(): Promise<void> {
    try {
      await this.ask("keepalive@openssh.com");
    } catch (error) {
      if (!isAppError(error, "access_denied")) throw error; // a refusal is an answer
    }
  }

  /** Tells the other side something that needs no answer. */
  tell(name: string, fields: Uint8Array = NOTHING): void {
    if (this.#layer.alive) this.#send(new WireWriter().byte(REQUEST).string(name).boolean(false).raw(fields));
  }

  /** A text for the person at the other end who looks for a reason. */
  explain(reason: string): void {
    if (!this.#layer.alive) return;
    // The reason may quote the client; it is for a terminal all the same.
    const text = peerText(new TextEncoder().encode(reason));
    this.#send(new WireWriter().byte(DEBUG).boolean(false).string(text).string(""));
    this.#layer.countAnswer(); // also where no answer is wanted
    this.#layer.countAnswer(); // also what is refused without an answer is explained
  }

  #send(message: WireWriter): void {
    sendMessage(this.#library._protocol, message.bytes());
  }

  #onAnswer(answer: Buffer | Error): void {
    this.#waiting.shift()?.done(answer);
  }

  #onRequest(fields: WireReader): void {
    const name = fields.string().toString();
    const wantReply = fields.boolean();
    const rest = fields.rest();
    const own = new WireReader(this.#line.busy ? Buffer.from(rest) : rest); // what waits outlives the packet
    const served = this.#line.add(() => {
      const { answer, refuse } = this.#answers(wantReply);
      try {
        const data = this.#serve(name, own);
        if (data instanceof Uint8Array) answer(data);
        else return data.then(answer).catch(refuse);
      } catch (error) {
        refuse(error);
      }
    }, rest.length);
    if (!served) this.#gate.cut("too many global requests wait for an answer");
  }

  #answers(wantReply: boolean) {
    const send = (data: Uint8Array | undefined) => {
      if (!wantReply || !this.#layer.alive) return;
      const { _protocol: protocol } = this.#library;
      if (data) protocol.requestSuccess(data.length > 0 ? Buffer.from(data) : undefined);
      else protocol.requestFailure();
      this.#layer.countAnswer();
    };
    return {
      answer: (data: Uint8Array) => send(data),
      refuse: (error: unknown) => {
        if (isAppError(error, "bad_input")) return this.#gate.cut(error.message);
        if (isAppError(error)) this.explain(error.message);
        else log.error("a global request failed unexpectedly: {error}", { error: messageOf(error) });
        send(undefined);
      },
    };
  }
}
