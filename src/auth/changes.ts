/**
 * Tells connected hosts and users that a collection changed; they fetch it anew. Many changes in a row become one
 * notice.
 * @module
 */
import type { Collection } from "../api/contract.ts";
import type { Clock } from "../base/clock.ts";

const GATHER_MS = 50;

export class Changes {
  readonly #watchers = new Set<(collection: Collection) => void>();
  readonly #pending = new Set<Collection>();
  readonly #caches = new Set<(collection: Collection) => void>();

  constructor(readonly clock: Clock) {}

  watch(notify: (collection: Collection) => void): { stop(): void } {
    this.#watchers.add(notify);
    return { stop: () => void this.#watchers.delete(notify) };
  }

  /** For what this process keeps of a collection: told at once, before anybody can ask for it. */
  forget(collectionChanged: (collection: Collection) => void): void {
    this.#caches.add(collectionChanged);
  }

  changed(collection: Collection): void {
    for (const forget of this.#caches) forget(collection);
    if (this.#pending.size === 0) this.clock.after(GATHER_MS, () => this.#tell());
    this.#pending.add(collection);
  }

  #tell(): void {
    const collections = [...this.#pending];
    this.#pending.clear();
    for (const notify of this.#watchers) collections.forEach(notify);
  }
}
