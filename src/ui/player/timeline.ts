/**
 * A recording's events in order of time, as the player walks through them.
 * @module
 */
import type { RecordedEvent } from "../api.ts";
import type { TerminalSize } from "../../model/web.ts";

/** One step of the walk. */
export type Step =
  | { kind: "print"; ms: number; offset: number; bytes: number }
  | { kind: "resize"; ms: number; size: TerminalSize }
  | { kind: "mark"; ms: number; text: string };

export interface Timeline {
  steps: readonly Step[];
  /** Milliseconds. */
  duration: number;
  /** Of the terminal at the beginning. */
  size: TerminalSize;
  /** Bytes of output. */
  bytes: number;
  /** The session has ended, and its recording with it. */
  ended: boolean;
  user?: string;
  login?: string;
  /** Milliseconds since the epoch. */
  started?: number;
}

const DEFAULT_SIZE: TerminalSize = { w: 80, h: 24 };
/** No terminal is larger; a recording that says so is not believed. */
const LARGEST = 1000;

/** Puts events into order. Those that tell no milliseconds are placed by their time of day. */
export function timelineOf(events: readonly RecordedEvent[]): Timeline {
  const origin = originOf(events);
  const steps: Step[] = [];
  let size: TerminalSize | undefined;
  let before = 0;
  for (const event of events) {
    const ms = Math.max(before, msOf(event, origin));
    before = ms;
    const resized = sizeOf(event);
    if (event.event === "print") {
      steps.push({ kind: "print", ms, offset: Number(event.offset ?? 0), bytes: Number(event.bytes ?? 0) });
    } else if (resized && (event.event === "resize" || event.event === "session.start")) {
      size ??= resized;
      steps.push({ kind: "resize", ms, size: resized });
    } else {
      const text = markText(event);
      if (text !== undefined) steps.push({ kind: "mark", ms, text });
    }
  }
  const about = events.find((event) => typeof event.user === "string");
  const started = Date.parse(String(events[0]?.time));
  return {
    steps,
    duration: before,
    size: size ?? DEFAULT_SIZE,
    bytes: steps.reduce(
      (sum, step) => step.kind === "print" ? Math.max(sum, step.offset + step.bytes) : sum,
      0,
    ),
    ended: events.some(({ event }) => event === "session.end"),
    ...(typeof about?.user === "string" ? { user: about.user } : {}),
    ...(typeof about?.login === "string" ? { login: about.login } : {}),
    ...(Number.isNaN(started) ? {} : { started }),
  };
}

/** The time of day at which the first output appeared, in milliseconds since the epoch. */
function originOf(events: readonly RecordedEvent[]): number {
  const first = events.find(({ ms, time }) => ms !== undefined && time !== undefined) ?? events[0];
  const time = Date.parse(String(first?.time));
  return Number.isNaN(time) ? 0 : time - (first?.ms ?? 0);
}

function msOf({ ms, time }: RecordedEvent, origin: number): number {
  if (ms !== undefined) return ms;
  const at = Date.parse(String(time));
  return Number.isNaN(at) ? 0 : Math.max(0, at - origin);
}

/** `80:24` */
function sizeOf(event: RecordedEvent): TerminalSize | undefined {
  const match = /^(\d{1,4}):(\d{1,4})$/.exec(String(event.size ?? ""));
  const [w = 0, h = 0] = (match ?? []).slice(1).map(Number);
  return w > 0 && h > 0 && w <= LARGEST && h <= LARGEST ? { w, h } : undefined;
}

function markText({ event, user }: RecordedEvent): string | undefined {
  const who = typeof user === "string" ? user : "somebody";
  switch (event) {
    case "session.join":
      return `${who} joined`;
    case "session.leave":
      return `${who} left`;
    case "session.gap":
      return "output was lost here";
  }
  return undefined;
}

/** How much happened in each of `count` equal parts of the time: 0 nothing, 1 the most. */
export function activity({ steps, duration }: Timeline, count: number): number[] {
  const sums = new Array<number>(count).fill(0);
  for (const step of steps) {
    if (step.kind !== "print") continue;
    const bucket = Math.min(count - 1, Math.floor((step.ms / Math.max(1, duration)) * count));
    sums[bucket] = (sums[bucket] ?? 0) + step.bytes;
  }
  // A page of output is much more than a key's echo; both are to be seen.
  const logs = sums.map((sum) => Math.log1p(sum));
  const most = Math.max(...logs, 1);
  return logs.map((value) => value / most);
}
