/**
 * Data of a page: fetched when it opens, kept fresh while it is looked at.
 * @module
 */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** The state of what was asked for. A failure of a refresh leaves the value as it was. */
export interface Loaded<T> {
  value: T | undefined;
  failure: unknown;
  /** Asks again. */
  reload: () => void;
}

/**
 * Loads when a part of `key` changes, and every `everyMs` while the window can be seen.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  key: readonly unknown[] = [],
  everyMs = 0,
): Loaded<T> {
  const [state, setState] = useState<{ value?: T; failure?: unknown }>({});
  const [round, setRound] = useState(0);
  const current = useRef(load);
  current.current = load;

  useEffect(() => setState({}), key);
  useEffect(() => {
    const gone = new AbortController();
    current.current(gone.signal).then(
      (value) => gone.signal.aborted || setState({ value }),
      (failure: unknown) => gone.signal.aborted || setState(({ value }) => ({ value, failure })),
    );
    return () => gone.abort();
  }, [...key, round]);

  const reload = useCallback(() => setRound((count) => count + 1), []);
  useEffect(() => {
    if (everyMs === 0) return;
    const timer = setInterval(() => document.hidden || reload(), everyMs);
    const seen = () => document.hidden || reload();
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [everyMs]);
  return { value: state.value, failure: state.failure, reload };
}
