/**
 * A backend that forgets: for tests.
 * @module
 */
import { type Clock, systemClock } from "../base/clock.ts";
import type { Backend, Change, Entry, Key, Operation, Watch } from "./backend.ts";

type Tell = (changes: readonly Change[] | undefined) => void;

/** What several backends see that stand {@linkcode MemoryBackend.beside} each other. */
interface Shared {
  entries: Map<string, Entry>;
  version: number;
  /** Each with the backend whose own writes it does not hear of. */
  watches: Map<Tell, MemoryBackend>;
}

export class MemoryBackend implements Backend {
  readonly #shared: Shared;

  constructor(readonly clock: Clock = systemClock, shared?: Shared) {
    this.#shared = shared ?? { entries: new Map(), version: 0, watches: new Map() };
  }

  /** Another one on the same entries, as another process has it. */
  beside(): MemoryBackend {
    return new MemoryBackend(this.clock, this.#shared);
  }

  get #entries(): Map<string, Entry> {
    return this.#shared.entries;
  }

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
        this.#entries.set(JSON.stringify(key), { key, value, expires, version: `${++this.#shared.version}` });
      }
    }
    this.#tell(operations);
    return Promise.resolve(true);
  }

  #tell(operations: readonly Operation[]): void {
    const changes = operations.filter(({ type }) => type !== "check")
      .map(({ key, type }) => ({ key, deleted: type === "delete" }));
    for (const [tell, backend] of this.#shared.watches) if (backend !== this) tell(changes);
  }

  watch(tell: Tell): Watch {
    this.#shared.watches.set(tell, this);
    return { stop: () => void this.#shared.watches.delete(tell) };
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
