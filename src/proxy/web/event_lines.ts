/**
 * Events on their way to a page that follows the audit log, as lines of JSON. A blank line now and then shows both sides
 * that the other is there; who reads too slowly is let go.
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import type { AuditEvent } from "../../model/event.ts";
import type { WebSession } from "./web_session.ts";

const HEARTBEAT = 15 * SECOND;
/** Who is so far behind reads no more. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Lines of events on their way to one page. */
export class EventLines {
  readonly body: ReadableStream<Uint8Array>;
  /** Settles when the page, the session or auth's side is gone. */
  readonly over: Promise<void>;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #end = () => {};

  constructor(channel: { readonly closed: Promise<void> }, session: WebSession, clock: Clock) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    let heartbeat: Timer | undefined;
    const beat = () => {
      this.#send("\n");
      if (this.#controller) heartbeat = clock.after(HEARTBEAT, beat);
    };
    const size = (piece: Uint8Array) => piece.length;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => this.#end(),
    }, { highWaterMark: MAX_WAITING_BYTES, size });
    const release = session.hold(() => this.#end());
    this.#end = () => {
      if (!this.#controller) return;
      heartbeat?.cancel();
      release();
      try {
        this.#controller.close();
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // the page has closed it
      }
      this.#controller = undefined;
      resolve();
    };
    beat();
    channel.closed.then(() => this.#end());
    if (session.isOver) this.#end();
  }

  show(events: AuditEvent[]): void {
    this.#send(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  }

  #send(text: string): void {
    if (!this.#controller || text === "") return;
    if ((this.#controller.desiredSize ?? 0) <= 0) return this.#end();
    this.#controller.enqueue(this.#encoder.encode(text));
  }
}
