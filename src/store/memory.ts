/**
 * A backend that forgets: for tests.
 * @module
 */
import { type Clock, systemClock } from "../base/clock.ts";
import type { Backend, Entry, Key, Operation } from "./backend.ts";

export class MemoryBackend implements Backend {
  readonly #entries = new Map<string, Entry>();
  #version = 0;

  constructor(readonly clock: Clock = systemClock) {}

  #live(key: Key): Entry | undefined {
    const entry = this.#entries.get(JSON.stringify(key));
    if (entry?.expires !== undefined && entry.expires <= this.clock.now()) {
      this.#entries.delete(JSON.stringify(key));
      return undefined;
    }
    return entry;
  }

  get(key: Key): Promise<Entry | undefined> {
    return Promise.resolve(this.#live(key));
  }

  list(prefix: Key): Promise<Entry[]> {
    const entries = [...this.#entries.values()]
      .filter((entry) => entry.key.length > prefix.length && prefix.every((name, i) => entry.key[i] === name))
      .filter((entry) => this.#live(entry.key));
    return Promise.resolve(entries.sort((a, b) => compareKeys(a.key, b.key)));
  }

  commit(operations: readonly Operation[]): Promise<boolean> {
    const good = operations.every((op) => op.type !== "check" || this.#live(op.key)?.version === op.version);
    if (!good) return Promise.resolve(false);
    for (const op of operations) {
      if (op.type === "delete") this.#entries.delete(JSON.stringify(op.key));
      if (op.type === "put") {
        const { key, value, expires } = op;
        this.#entries.set(JSON.stringify(key), { key, value, expires, version: `${++this.#version}` });
      }
    }
    return Promise.resolve(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Orders keys name by name. */
export function compareKeys(a: Key, b: Key): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i] ?? "", b[i] ?? ""];
    if (x !== y) return x < y ? -1 : 1;
  }
  return a.length - b.length;
}
