/**
 * How long audit log and recordings are kept: whole days that are over for longer are deleted, and recordings that
 * nobody has added to for longer. Each deletion is an event.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { DAY } from "../../base/duration.ts";
import type { Files } from "../../base/files.ts";
import { dayFiles } from "./day_files.ts";
import type { AuditLog } from "./log.ts";
import type { Recordings } from "./recordings.ts";

export interface RetentionOptions {
  log: AuditLog;
  recordings: Recordings;
  files: Pick<Files, "names" | "remove">;
  clock: Clock;
  /** Milliseconds; absent: for ever. */
  keepLog?: number;
  keepRecordings?: number;
  /** The first day that a sink has not passed on yet, in milliseconds since the epoch; Infinity when there is none. */
  neededFrom(): number;
  /** Whether a session's recording still comes in: it stays, however long nothing was added. */
  receiving(sid: string): boolean;
}

/** Deletes what is older than it may be. */
export async function applyRetention(options: RetentionOptions): Promise<void> {
  if (options.keepLog !== undefined) await deleteDays(options, options.keepLog);
  if (options.keepRecordings !== undefined) await deleteRecordings(options, options.keepRecordings);
}

async function deleteDays({ log, files, clock, neededFrom }: RetentionOptions, keep: number): Promise<void> {
  const over = clock.now() - keep;
  const old = dayFiles(await files.names(log.directory))
    .filter(({ start }) => start + DAY <= over && start < neededFrom());
  const [first, last] = [old[0], old.at(-1)];
  if (!first || !last) return;
  // Said before it is done: a crash in between leaves an event too many, and not one too few.
  await log.emit({
    event: "audit.retention",
    from: dayText(first.start),
    to: dayText(last.start),
    count: old.length,
  });
  for (const { name } of old) await files.remove(`${log.directory}/${name}`);
}

async function deleteRecordings(
  { log, recordings, clock, receiving }: RetentionOptions,
  keep: number,
): Promise<void> {
  const over = clock.now() - keep;
  for (const { sid, modified } of await recordings.all()) {
    if (modified >= over || receiving(sid)) continue;
    await log.emit({ event: "recording.delete", sid, reason: "older than recordings are kept" });
    await recordings.remove(sid);
  }
}

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
