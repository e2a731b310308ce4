/**
 * A value that pages watch.
 * @module
 */
import { useEffect, useState } from "preact/hooks";

/** Holds a value and tells those who watch when it is another. */
export class Cell<T> {
  #value: T;
  readonly #watchers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** @returns ends the watch */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
}

/** The value of a cell; the component is drawn again when it changes. */
export function useCell<T>(cell: Cell<T>): T {
  const [, redraw] = useState(0);
  const value = cell.value;
  useEffect(() => {
    const noticed = () => redraw((count) => count + 1);
    // It may have changed between the drawing and now.
    if (!Object.is(cell.value, value)) noticed();
    return cell.watch(noticed);
  }, [cell]);
  return value;
}
