/**
 * The audit log as a page reads it: the newest first, older ones when asked for, new ones as they happen.
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { callIn, followPath } from "./api.ts";
import { eventKey, type LoggedEvent } from "./event_text.ts";
import { RequestFailure } from "./failure.ts";
import { readLines } from "./lines.ts";
import { request } from "./request.ts";

export interface EventFilter {
  /** Of another cluster. */
  site: string | undefined;
  type: string;
  user: string;
  text: string;
  /** One of {@linkcode SPANS}. */
  span: string;
}

const HOUR = 3_600_000;

/** How far back one looks. */
export const SPANS = [
  { name: "1h", title: "Last hour", ms: HOUR },
  { name: "24h", title: "Last 24 hours", ms: 24 * HOUR },
  { name: "7d", title: "Last 7 days", ms: 7 * 24 * HOUR },
  { name: "30d", title: "Last 30 days", ms: 30 * 24 * HOUR },
  { name: "all", title: "All time", ms: Infinity },
] as const;

const PAGE = 250;
/** While the log is followed, no more are kept on the page. */
const MOST_LIVE = 5000;
/** The server writes something at least every 15 s; after this the stream counts as lost. */
const SILENCE_MS = 40_000;
const RETRY_MS = 2000;

export interface EventLog {
  /** The newest first; undefined until the first answer. */
  events: readonly LoggedEvent[] | undefined;
  failure: unknown;
  /** There are older ones. */
  more: boolean;
  loadOlder: () => void;
  reload: () => void;
}

export function useEventLog(filter: EventFilter, live: boolean): EventLog {
  const [found, setFound] = useState<{ events: readonly LoggedEvent[]; more: boolean }>();
  const [failure, setFailure] = useState<unknown>();
  const [broken, setBroken] = useState<unknown>();
  const [round, setRound] = useState(0);
  const gone = useRef(new AbortController());
  const key = [filter.site, filter.type, filter.user, filter.text, filter.span];

  useEffect(() => {
    const ended = gone.current = new AbortController();
    setFailure(undefined);
    // What is typed is looked for when the typing pauses.
    const timer = setTimeout(() =>
      void search(filter, undefined, ended.signal).then(
        (events) => ended.signal.aborted || setFound({ events, more: events.length === PAGE }),
        (error: unknown) => ended.signal.aborted || setFailure(error),
      ), filter.text === "" ? 0 : 250);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [...key, round]);

  useEffect(() => {
    if (!live) return;
    const ended = new AbortController();
    const arrived = (event: LoggedEvent) =>
      setFound((was) => {
        const events = was?.events ?? [];
        const id = eventKey(event);
        if (events.slice(0, PAGE).some((one) => eventKey(one) === id)) return was;
        return { events: [event, ...events].slice(0, MOST_LIVE), more: was?.more ?? false };
      });
    void follow(filter, { arrived, broken: setBroken }, ended.signal);
    return () => {
      ended.abort();
      setBroken(undefined);
    };
  }, [...key, live]);

  const loadOlder = () => {
    const { signal } = gone.current;
    const oldest = found?.events.at(-1);
    if (!found || !oldest) return;
    search(filter, Date.parse(String(oldest.time)), signal).then(
      (events) => {
        if (signal.aborted) return;
        const known = new Set(found.events.map(eventKey));
        const older = events.filter((event) => !known.has(eventKey(event)));
        setFound({ events: [...found.events, ...older], more: older.length > 0 && events.length === PAGE });
      },
      (error: unknown) => signal.aborted || setFailure(error),
    );
  };
  return {
    events: found?.events,
    failure: failure ?? broken,
    more: found?.more ?? false,
    loadOlder,
    reload: () => setRound((count) => count + 1),
  };
}

/** The newest first. */
async function search(
  { site, type, user, text, span }: EventFilter,
  to: number | undefined,
  signal: AbortSignal,
): Promise<LoggedEvent[]> {
  const ms = SPANS.find(({ name }) => name === span)?.ms ?? Infinity;
  const events = await callIn(site, "events.search", {
    ...(ms === Infinity ? {} : { from: Date.now() - ms }),
    ...(to === undefined ? {} : { to }),
    ...(type === "" ? {} : { events: [type] }),
    ...(user === "" ? {} : { user }),
    ...(text === "" ? {} : { text }),
    limit: PAGE,
  }, signal);
  return events.reverse();
}

interface Follower {
  arrived: (event: LoggedEvent) => void;
  /** Why there are none at the moment; undefined when they come again. */
  broken: (failure: unknown) => void;
}

/** Hands over events as they happen, until `signal`; a stream that breaks is opened again, unless it is refused. */
async function follow(
  { site, type, user, text }: EventFilter,
  { arrived, broken }: Follower,
  signal: AbortSignal,
): Promise<void> {
  const path = followPath(site, {
    ...(type === "" ? {} : { type }),
    ...(user === "" ? {} : { user }),
    ...(text === "" ? {} : { search: text }),
  });
  while (!signal.aborted) {
    try {
      const answer = await request(path, { signal, timeoutMs: 0 });
      broken(undefined);
      if (answer.body) {
        for await (const line of readLines(answer.body, SILENCE_MS, signal)) {
          if (line !== "") arrived(JSON.parse(line));
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      broken(error);
      if (error instanceof RequestFailure && (error.status === 403 || error.status === 404)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
