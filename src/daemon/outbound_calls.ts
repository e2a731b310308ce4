/**
 * Calls to identity providers, made for auth by a Worker that may dial and nothing else: auth keeps its secrets and
 * dials nobody, the Worker reads what comes from the network and has no secrets but those of the call in its hands. It
 * is started by the first call and ended when it was not needed for a while.
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import { environmentProxy } from "../base/dial_out.ts";
import { MINUTE, SECOND } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import type { HttpAnswer } from "../base/https_call.ts";
import type { OutboundCall } from "../base/outbound_call.ts";
import { OUTBOUND_PERMISSIONS } from "./permissions.ts";
import { workerUrl } from "./worker_url.ts";
import type { FromOutbound, ToOutbound } from "./workers/outbound.ts";

const IDLE_MS = 5 * MINUTE;
const MAX_CALLS = 64;
/** How much later than its own deadline a call is given up. */
const LATE_MS = 3 * SECOND;

export class OutboundCalls {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, PromiseWithResolvers<HttpAnswer>>();
  #worker: Worker | undefined;
  #idle: Timer | undefined;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws {AppError} unavailable, limit; bad_input for a proxy variable that names none */
  async call(call: OutboundCall): Promise<HttpAnswer> {
    if (this.#waiting.size >= MAX_CALLS) throw new AppError("limit", "too many calls to providers at once");
    const proxy = environmentProxy(call);
    const worker = this.#started();
    const id = ++this.#last;
    const answer = Promise.withResolvers<HttpAnswer>();
    this.#waiting.set(id, answer);
    const timer = this.#clock.after(
      call.timeoutMs + LATE_MS,
      () => answer.reject(new AppError("unavailable", `no answer from ${call.host} in time`)),
    );
    worker.postMessage({ id, call, proxy } satisfies ToOutbound);
    try {
      return await answer.promise;
    } finally {
      timer.cancel();
      this.#waiting.delete(id);
      this.#restLater();
    }
  }

  #started(): Worker {
    this.#idle?.cancel();
    if (this.#worker) return this.#worker;
    const worker = this.#worker = new Worker(workerUrl("outbound"), {
      type: "module",
      name: "outbound",
      deno: { permissions: OUTBOUND_PERMISSIONS },
    });
    worker.onmessage = ({ data: { id, answer, error } }: MessageEvent<FromOutbound>) => {
      const waiting = this.#waiting.get(id);
      if (answer) waiting?.resolve(answer);
      else waiting?.reject(new AppError("unavailable", error ?? "no answer"));
    };
    worker.onerror = (event) => {
      event.preventDefault(); // otherwise the error would end the whole daemon
      this.#end(`the helper for calls failed: ${event.message}`);
    };
    return worker;
  }

  #restLater(): void {
    this.#idle?.cancel();
    if (this.#waiting.size > 0 || !this.#worker) return;
    this.#idle = this.#clock.after(IDLE_MS, () => this.#end("not needed"));
  }

  #end(why: string): void {
    this.#idle?.cancel();
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(new AppError("unavailable", why));
  }

  close(): void {
    this.#end("the daemon stops");
  }
}
