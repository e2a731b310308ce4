/**
 * Events as they come, for somebody who watches: in order, in batches, and only those that the watcher may see at that
 * moment. A watcher who reads too slowly loses events, and is told how many.
 * @module
 */
import { isAppError } from "../../base/errors.ts";
import { type AuditEvent, eventTime } from "../../model/event.ts";
import type { AuditLog } from "./log.ts";
import { type EventFilter, eventFilter } from "./search.ts";

const MAX_WAITING = 5000;
const BATCH = 200;

export interface FollowOptions {
  filter: EventFilter;
  /** Asked for each batch: rights that were taken away are gone at once. @throws {AppError} access_denied */
  visible(): Promise<(event: AuditEvent) => boolean>;
  /** Resolves when the watcher's side has room for more. */
  send(events: AuditEvent[]): Promise<void>;
  /** The watcher may see nothing any more, or cannot be reached. */
  end(): void;
  /** Something went wrong here: the watcher's connection ends for it. */
  fault(error: unknown): void;
}

/** Sends what is written from now on. */
export function followLog(
  log: AuditLog,
  { filter, visible, send, end, fault }: FollowOptions,
): { stop(): void } {
  const fits = eventFilter(filter);
  let waiting: AuditEvent[] = [];
  let lost = 0;
  let sending = false;
  let stopped = false;

  const pump = async () => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH);
      const shown = batch.filter(await visible());
      if (shown.length > 0) await send(shown);
      if (lost === 0 || stopped) continue;
      const count = lost;
      lost = 0;
      const time = eventTime(log.clock.now());
      await send([{ event: "events.lost", time, count, reason: "they came faster than they were read" }]);
    }
  };

  const subscription = log.follow((events) => {
    const wanted = events.filter(fits);
    const room = MAX_WAITING - waiting.length;
    waiting.push(...wanted.slice(0, room));
    lost += Math.max(0, wanted.length - room);
    if (sending) return;
    sending = true;
    pump().catch((error) => {
      stop();
      end();
      if (!isAppError(error)) fault(error);
    }).finally(() => sending = false);
  });
  const stop = () => {
    stopped = true;
    subscription.stop();
    waiting = [];
  };
  return { stop };
}
