/**
 * Sessions that run, and recordings, of this cluster and of others: read piece by piece through the user's own connection,
 * so that the cluster's auth decides whose may be seen, and a recording of any length takes little memory here.
 * @module
 */
import { Hono } from "hono";
import { CheckedRecording, remoteRecording, type SignerTrust } from "../../api/checked_recording.ts";
import type { Caller } from "../../api/client.ts";
import { AppError } from "../../base/errors.ts";
import { isUuid } from "../../model/name.ts";
import { toAsciicast } from "../../session/asciicast.ts";
import { toPlainText } from "../../session/plain_text.ts";
import { READ_SIZE, readLog, type RecordingSource, Timeline } from "../../session/reader.ts";
import { attachment } from "./attachment.ts";
import { compressed } from "./compressed.ts";
import type { WebApp, WebContext, WebEnv } from "./context.ts";
import { siteOf, type WebSites } from "./sites.ts";
import { SITE_PATHS } from "./sites_api.ts";
import type { WebSession } from "./web_session.ts";
import { clientOf, type WebUsers } from "./web_users.ts";

/** The most of the output that one answer carries. */
const MAX_STREAM_BYTES = 5 * 1024 * 1024;
/** Lines are sent together up to about this size. */
const TEXT_BYTES = 32 * 1024;

const FORMATS = {
  asciicast: { type: "application/x-asciicast", extension: "cast" },
  text: { type: "text/plain; charset=utf-8", extension: "txt" },
  bytes: { type: "application/octet-stream", extension: "bytes" },
} as const;

type Format = keyof typeof FORMATS;

export interface RecordingsOptions {
  sites: WebSites;
  /** Whom to believe about recordings of this cluster. */
  trust(): SignerTrust;
}

export function recordingsApi(users: WebUsers, { sites, trust }: RecordingsOptions): WebApp {
  const { signedIn, connections, streams } = users;
  const api = new Hono<WebEnv>();
  const callerOf = (c: WebContext, session: WebSession): Caller =>
    connections.caller(session, clientOf(c), siteOf(c, sites));

  for (const site of SITE_PATHS) {
    signedIn.on(api, "GET", `${site}/sessions`, async (c, session) => {
      return c.json({ sessions: await callerOf(c, session).call("sessions.list", {}) });
    });

    signedIn.on(api, "GET", `${site}/sessions/:sid`, async (c, session) => {
      const sid = sidOf(c);
      const running = await callerOf(c, session).call("sessions.list", {});
      const found = running.find((one) => one.sid === sid);
      if (!found) throw new AppError("not_found", `no session ${sid} is running that you may see`);
      return c.json(found);
    });

    signedIn.on(api, "GET", `${site}/sessions/:sid/events`, async (c, session) => {
      const source = sourceOf(c, session);
      const after = wholeNumber(c, "after", -1);
      const body = await streams.body(session, clientOf(c), eventsJson(source, after));
      return compressed(c, body, { "Content-Type": "application/json" });
    });

    signedIn.on(api, "GET", `${site}/sessions/:sid/stream`, async (c, session) => {
      const source = sourceOf(c, session);
      const offset = wholeNumber(c, "offset", 0);
      const bytes = Math.min(wholeNumber(c, "bytes", MAX_STREAM_BYTES), MAX_STREAM_BYTES);
      const body = await streams.body(session, clientOf(c), output(source, offset, bytes));
      return compressed(c, body, { "Content-Type": "application/octet-stream" });
    });

    signedIn.on(api, "GET", `${site}/sessions/:sid/download`, async (c, session) => {
      const source = sourceOf(c, session);
      const format = formatOf(c.req.query("format") ?? "asciicast");
      const sid = c.req.param("sid") ?? "";
      const body = await streams.body(session, clientOf(c), exported(source, format, sid));
      const { type, extension } = FORMATS[format];
      return c.body(body, 200, {
        "Content-Type": type,
        "Content-Disposition": attachment(`${sid}.${extension}`),
      });
    }, "ticket");

    /** Reads it all: whether anything was changed since its host made it. */
    signedIn.on(api, "GET", `${site}/sessions/:sid/verdict`, async (c, session) => {
      const source = sourceOf(c, session);
      const free = streams.take(session, clientOf(c));
      try {
        const checked = new CheckedRecording(source, sidOf(c), believed(c));
        const { signal } = c.req.raw;
        return c.json(await verdictOf(checked, () => session.isOver || signal.aborted));
      } finally {
        free();
      }
    });
  }

  const sourceOf = (c: WebContext, session: WebSession): RecordingSource =>
    remoteRecording(callerOf(c, session), sidOf(c));
  /** The hosts of another cluster are vouched for by its own CA, and those of this one never. */
  const believed = (c: WebContext): SignerTrust => {
    const site = siteOf(c, sites);
    return site === undefined ? trust() : sites.trustOf(site) ?? { cluster: site, host: [] };
  };
  return api;
}

function sidOf(c: WebContext): string {
  const sid = c.req.param("sid") ?? "";
  if (!isUuid(sid)) throw new AppError("not_found", "a session's id is a uuid");
  return sid;
}

/** @throws {AppError} bad_input */
function wholeNumber(c: WebContext, name: string, otherwise: number): number {
  const text = c.req.query(name);
  if (text === undefined) return otherwise;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(number)) throw new AppError("bad_input", `"${name}" must be a whole number`);
  return number;
}

function formatOf(text: string): Format {
  const format = (Object.keys(FORMATS) as Format[]).find((known) => known === text);
  if (format) return format;
  throw new AppError("bad_input", `a recording is downloaded as ${Object.keys(FORMATS).join(", ")}`);
}

/** The lines of the log as one JSON text, each with its place in time; of output only when, where and how much. */
async function* eventsJson(source: RecordingSource, after: number): AsyncGenerator<string> {
  const times = new Timeline();
  let text = `{"events":[`;
  let separator = "";
  let count = 0;
  for await (const entry of readLog(source)) {
    count++;
    const ms = times.at(entry);
    if (entry.ei <= after) continue;
    const shown = entry.kind === "print"
      ? { event: "print", ms, offset: entry.offset, bytes: entry.bytes }
      : { ...entry.fields, ms };
    text += separator + JSON.stringify(shown);
    separator = ",";
    if (text.length < TEXT_BYTES) continue;
    yield text;
    text = "";
  }
  if (count === 0) throw new AppError("not_found", "there is no recording of this session");
  yield `${text}]}`;
}

async function* output(source: RecordingSource, offset: number, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = offset; at < offset + bytes;) {
    const piece = await source.read("bytes", at, Math.min(READ_SIZE, offset + bytes - at));
    if (piece.length === 0) return;
    at += piece.length;
    yield piece;
  }
}

/** With each piece looked at for changes; one that was found breaks it off. */
async function* exported(
  source: RecordingSource,
  format: Format,
  sid: string,
): AsyncGenerator<Uint8Array | string> {
  if (format === "bytes") return yield* output(source, 0, Infinity);
  const frames = new CheckedRecording(source, sid).frames();
  let text = "";
  for await (const line of format === "text" ? toPlainText(frames) : toAsciicast(frames, `session ${sid}`)) {
    text += line;
    if (text.length < TEXT_BYTES) continue;
    yield text;
    text = "";
  }
  yield text;
}

/** @param isLeft whether nobody waits for it any more */
async function verdictOf(checked: CheckedRecording, isLeft: () => boolean) {
  try {
    for await (const _frame of checked.frames()) {
      if (isLeft()) throw new AppError("closed", "nobody waits for it any more");
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "bad_input") throw error;
    return { sound: false, text: error.message };
  }
  return checked.verdict();
}
