/**
 * A time as people say it, exact when one points at it.
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { dateTime, relative } from "../time_text.ts";

const EVERY_MS = 15_000;

/** `3 min ago`, kept true. */
export function Moment({ at }: { at: number }) {
  const now = useNow(EVERY_MS);
  return <time dateTime={new Date(at).toISOString()} title={dateTime(at)}>{relative(at, now)}</time>;
}

/** The time, read anew every so often. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
