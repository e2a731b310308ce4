/**
 * What providers say of themselves, fetched once for all who ask at the same time and kept for a while; a failure is kept
 * for a moment, too, so that anybody who begins logins cannot have a provider called all the time.
 * @module
 */
import type { Clock } from "../../../base/clock.ts";
import { MINUTE, SECOND } from "../../../base/duration.ts";
import { SsoRefused } from "./provider.ts";

const KEEP_MS = 10 * MINUTE;
const FAILURE_MS = 3 * SECOND;
const MAX = 64;

interface Entry<T> {
  /** Until when the outcome holds; it is being fetched while there is none. */
  until: number | undefined;
  outcome: Promise<T>;
  value?: T;
}

export class Kept<T> {
  readonly #entries = new Map<string, Entry<T>>();

  constructor(readonly clock: Clock) {}

  /** @param fetch is given what was known before @throws {SsoRefused} as `fetch` did */
  async get(name: string, fetch: (before: T | undefined) => Promise<T>): Promise<T> {
    const known = this.#entries.get(name);
    if (known && (known.until === undefined || known.until > this.clock.now())) return await known.outcome;
    if (!known && this.#entries.size >= MAX) this.#entries.clear();
    const entry: Entry<T> = { until: undefined, outcome: fetch(known?.value) };
    this.#entries.set(name, entry);
    try {
      entry.value = await entry.outcome;
      entry.until = this.clock.now() + KEEP_MS;
      return entry.value;
    } catch (error) {
      if (!(error instanceof SsoRefused)) {
        this.#entries.delete(name);
        throw error;
      }
      entry.until = this.clock.now() + FAILURE_MS;
      if (known?.value !== undefined) entry.value = known.value;
      throw error;
    }
  }
}
