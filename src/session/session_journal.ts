/**
 * Which sessions run, on disk: after a crash, whoever takes over the run's folder reports the ends that nobody could
 * report any more.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import type { Files } from "../base/files.ts";
import type { EventFields } from "../model/event.ts";
import { isUuid } from "../model/name.ts";

const FOLDER = "sessions";
const INTERRUPTED = "the recording host stopped during the session";

type JournalFiles = Pick<Files, "readText" | "append" | "remove" | "names" | "makeDirectory">;

/** Notes beginnings and ends. */
export interface SessionJournal {
  /** @param fields what the event of the session's end carries */
  begin(sid: string, fields: Omit<EventFields, "event">): void;
  end(sid: string): void;
}

/** A journal in a run's folder. Nobody waits for it; that it cannot be written is told once. */
export async function openJournal(
  files: JournalFiles,
  run: string,
  warn: (text: string) => void,
): Promise<SessionJournal> {
  const folder = `${run}/${FOLDER}`;
  await files.makeDirectory(folder);
  const work = new Map<string, Promise<void>>();
  let failed = false;
  const inOrder = (sid: string, next: () => Promise<void>) => {
    const done = (work.get(sid) ?? Promise.resolve()).then(next).catch((error: unknown) => {
      if (!failed) warn(`running sessions cannot be noted on disk: ${messageOf(error)}`);
      failed = true;
    }).finally(() => {
      if (work.get(sid) === done) work.delete(sid);
    });
    work.set(sid, done);
  };
  return {
    begin: (sid, fields) => inOrder(sid, () => files.append(`${folder}/${sid}.json`, JSON.stringify(fields))),
    end: (sid) => inOrder(sid, () => files.remove(`${folder}/${sid}.json`)),
  };
}

/** Reports the end of each session that another run has left in its folder. */
export async function adoptSessions(
  files: JournalFiles,
  run: string,
  emit: (event: EventFields) => void,
): Promise<void> {
  const folder = `${run}/${FOLDER}`;
  for (const name of await files.names(folder)) {
    const sid = name.replace(/\.json$/, "");
    const text = isUuid(sid) ? await files.readText(`${folder}/${name}`) : undefined;
    if (text !== undefined) {
      emit({ event: "session.end", ...known(text), sid, interrupted: true, exitError: INTERRUPTED });
    }
    await files.remove(`${folder}/${name}`);
  }
}

/** The fields of a note; those of one that a crash has cut off are not known. */
function known(text: string): Record<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
  const fields = Object.entries(typeof value === "object" && value !== null ? value : {});
  return Object.fromEntries(
    fields.filter((field): field is [string, string] => typeof field[1] === "string"),
  );
}
