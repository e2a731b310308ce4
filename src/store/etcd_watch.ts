/**
 * Following what others write into etcd: a stream that is opened anew, from the revision where it broke off, whenever it
 * ends, goes silent, or its member dies. Where that revision is compacted away, something was missed, and is told so.
 * @module
 */
import { type Clock, every } from "../base/clock.ts";
import { SECOND } from "../base/duration.ts";
import { AppError, isAppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { EtcdGateway } from "./etcd_gateway.ts";

const log = logger("store");
const RETRY_MS = 500;
/** A stream that says nothing for so long may be dead: a new one costs little. */
const SILENCE_MS = 20 * SECOND;

/** One event of a watch, as the gateway writes it. */
export interface EtcdEvent {
  /** Left out for a put. */
  type?: "PUT" | "DELETE";
  kv: { key: string; mod_revision: string };
}

interface WatchLine {
  result?: {
    header?: { revision?: string };
    canceled?: boolean;
    cancel_reason?: string;
    compact_revision?: string;
    events?: EtcdEvent[];
  };
  error?: { message?: string };
}

export interface EtcdWatchOptions {
  gateway: EtcdGateway;
  clock: Clock;
  /** The keys, as the gateway wants them. */
  range: { key: string; range_end: string };
  /** `undefined`: something was missed. */
  tell(events: readonly EtcdEvent[] | undefined): void;
}

export class EtcdWatch {
  /** The revision that comes next; 0 before the first stream. */
  #next = 0n;
  #stream: AbortController | undefined;
  #stopped = false;
  #lastWord: number;
  readonly #looking: { cancel(): void };

  constructor(readonly options: EtcdWatchOptions) {
    this.#lastWord = options.clock.now();
    this.#looking = every(options.clock, SILENCE_MS / 2, () => {
      if (options.clock.now() - this.#lastWord >= SILENCE_MS) this.#stream?.abort();
    });
    void this.#run();
  }

  async #run(): Promise<void> {
    const { clock, tell } = this.options;
    let reported = false;
    while (!this.#stopped) {
      try {
        if (this.#next === 0n) await this.#begin();
        await this.#follow();
        reported = false;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        if (this.#stopped) return;
        if (isAppError(error, "conflict")) {
          this.#next = 0n;
          tell(undefined);
          continue;
        }
        if (!reported && !this.#stream?.signal.aborted) {
          log.warn("changes of other auth servers are not heard for the moment: {error}", {
            error: messageOf(error),
          });
          reported = true;
        }
        await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
      }
    }
  }

  /** From now on; what was written before, whoever watches reads. */
  async #begin(): Promise<void> {
    const { gateway, range: { key }, tell } = this.options;
    const { header } = await gateway.call<{ header: { revision: string } }>("/v3/kv/range", {
      key,
      count_only: true,
    });
    this.#next = BigInt(header.revision) + 1n;
    tell(undefined);
  }

  async #follow(): Promise<void> {
    const { gateway, range, clock } = this.options;
    this.#stream = new AbortController();
    this.#lastWord = clock.now();
    const create_request = { ...range, start_revision: String(this.#next) };
    try {
      for await (const line of await gateway.stream("/v3/watch", { create_request }, this.#stream.signal)) {
        if (this.#stopped) return;
        this.#lastWord = clock.now();
        this.#take(JSON.parse(line));
      }
    } finally {
      this.#stream.abort();
    }
  }

  #take({ result, error }: WatchLine): void {
    if (error) throw new AppError("unavailable", `etcd: the watch ended: ${error.message}`);
    if (result?.compact_revision !== undefined && result.compact_revision !== "0") {
      throw new AppError("conflict", "etcd: the revisions that were missed are compacted");
    }
    if (result?.canceled) {
      throw new AppError("unavailable", `etcd: the watch ended: ${result.cancel_reason ?? "no reason"}`);
    }
    const events = result?.events ?? [];
    if (events.length === 0) return;
    this.options.tell(events);
    for (const { kv } of events) {
      const after = BigInt(kv.mod_revision) + 1n;
      if (after > this.#next) this.#next = after;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#looking.cancel();
    this.#stream?.abort();
  }
}
