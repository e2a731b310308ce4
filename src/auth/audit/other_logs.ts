/**
 * Events that other auth servers write into the same log directory, read as they come: for those who follow the log.
 * @module
 */
import { type Clock, every, type Timer } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { AuditEvent } from "../../model/event.ts";
import type { LogDirectories } from "./log_directories.ts";
import type { LogFiles } from "./log_files.ts";
import { type LogPosition, LogReader } from "./log_reader.ts";
import { parseEvent } from "./search.ts";

const log = logger("auth");
const LOOK_MS = SECOND;
/** Pieces of one log read in one look. */
const MAX_PIECES = 64;

/** Reads on until it is cancelled. What was written before is not told. */
export function readOtherLogs(
  { directories, files, clock }: { directories: LogDirectories; files: LogFiles; clock: Clock },
  read: (events: readonly AuditEvent[]) => void,
): Timer {
  const places = new Map<string, { reader: LogReader; at: LogPosition }>();
  let first = true;
  const look = async () => {
    const isFirst = first;
    first = false;
    for (const directory of await directories.others(files)) {
      const known = places.get(directory);
      if (!known) {
        const reader = new LogReader(directory, files);
        // One that came later has nothing yet that was written before.
        const at = isFirst ? await reader.end(clock.now()) : { day: 0, offset: 0 };
        places.set(directory, { reader, at });
        if (isFirst) continue;
      }
      const place = known ?? places.get(directory);
      if (!place) continue;
      for (let i = 0; i < MAX_PIECES; i++) {
        const piece = await place.reader.next(place.at);
        if (!piece) break;
        place.at = piece.end;
        const events = piece.lines.flatMap((line) => parseEvent(line) ?? []);
        if (events.length > 0) read(events);
      }
    }
  };
  const guarded = async () => {
    try {
      await look();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      log.warn("the logs of other auth servers cannot be read: {error}", { error: messageOf(error) });
    }
  };
  void guarded();
  return every(clock, LOOK_MS, guarded);
}
