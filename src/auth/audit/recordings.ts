/**
 * Recorded sessions on the auth server: `<log>/sessions/default/<sid>.session.bytes` and `.session.log`. Hosts append
 * to them while their sessions run, each only to its own.
 * @module
 */
import { AppError, isAppError } from "../../base/errors.ts";
import { isUuid } from "../../model/name.ts";

export type RecordingPart = "bytes" | "log";

/** One recording as it is listed. */
export interface RecordingInfo {
  sid: string;
  bytes: number;
  /** Milliseconds since the epoch. */
  modified: number;
  /** False while the session runs, or when its host vanished before the end. */
  complete: boolean;
  /** Who started it as whom, and on which host; absent when its log does not say so, or not yet. */
  user?: string;
  login?: string;
  server_id?: string;
  /** The host it ran on, where a proxy has recorded it. */
  name?: string;
  /** Milliseconds since the epoch. */
  started?: number;
  ended?: number;
}

/** The files recordings need. */
export interface RecordingFiles {
  /** Size in bytes; undefined when there is no such file. */
  size(path: string): Promise<{ size: number; modified: number } | undefined>;
  read(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** Appends; the file is created with mode 0640. */
  appendBytes(path: string, data: Uint8Array): Promise<void>;
  /** Writes at a place, over what is there; the file is created with mode 0640. */
  writeAt(path: string, offset: number, data: Uint8Array): Promise<void>;
  names(directory: string): Promise<string[]>;
  makeDirectory(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Nothing is added to these any more. */
  finished?(paths: readonly string[]): Promise<void>;
}

/** More than a last line has, with its signature and certificate. */
const TAIL_BYTES = 16 * 1024;
/** More than the first lines have, unless somebody's command is very long. */
const HEAD_BYTES = 16 * 1024;
/** So many files are looked at in one go. */
const AT_ONCE = 32;
/** Recordings that are complete are described once. */
const MAX_KNOWN = 10_000;
/** Who takes part is in the first lines; of so many sessions it is kept. */
const PARTIES_BYTES = 256 * 1024, MAX_PARTIES = 50_000;

export class Recordings {
  readonly #directory: string;
  readonly #owners = new Map<string, string>();
  readonly #known = new Map<string, RecordingInfo>();
  /** Who takes part, read up to which size of the log. */
  readonly #parties = new Map<string, { users: ReadonlySet<string>; upTo: number }>();

  /** @param directory holds a folder for each namespace, of which there is one */
  constructor(directory: string, readonly files: RecordingFiles) {
    this.#directory = `${directory}/default`;
  }

  async prepare(): Promise<void> {
    await this.files.makeDirectory(this.#directory);
  }

  #path(sid: string, part: RecordingPart | "owner"): string {
    if (!isUuid(sid)) throw new AppError("bad_input", "a session id must be a uuid");
    return `${this.#directory}/${sid}.${part === "owner" ? "owner" : `session.${part}`}`;
  }

  /** Lets `hostId` append to a session from now on. @throws {AppError} access_denied when it is another host's */
  async claim(sid: string, hostId: string): Promise<void> {
    // Asked again after the wait: another host may have claimed the session meanwhile.
    const owner = this.#owners.get(sid) ?? await this.#readOwner(sid) ?? this.#owners.get(sid);
    if (owner === undefined) {
      this.#owners.set(sid, hostId);
      await this.files.appendBytes(this.#path(sid, "owner"), new TextEncoder().encode(hostId));
    } else if (owner !== hostId) {
      throw new AppError("access_denied", `the recording ${sid} belongs to another host`);
    }
  }

  async #readOwner(sid: string): Promise<string | undefined> {
    const path = this.#path(sid, "owner");
    const info = await this.files.size(path);
    if (!info) return undefined;
    const owner = new TextDecoder().decode(await this.files.read(path, 0, 64));
    this.#owners.set(sid, owner);
    return owner;
  }

  async size(sid: string, part: RecordingPart): Promise<number> {
    return (await this.files.size(this.#path(sid, part)))?.size ?? 0;
  }

  /**
   * Adds to a recording. Two auth servers with the same directory may both be sent it for a moment, when its host goes
   * from one to the other: each writes what belongs to a place to that place, so that nothing is there twice.
   * @param at how many bytes there are before it; left out, as many as there are
   */
  async append(sid: string, part: RecordingPart, data: Uint8Array, at?: number): Promise<void> {
    await this.files.writeAt(this.#path(sid, part), at ?? await this.size(sid, part), data);
  }

  /** The session has ended and everything was shipped. */
  async finish(sid: string): Promise<void> {
    await this.files.finished?.([this.#path(sid, "bytes"), this.#path(sid, "log")]);
    this.#owners.delete(sid);
  }

  /** @throws {AppError} not_found */
  async read(
    sid: string,
    part: RecordingPart,
    offset: number,
    length: number,
  ): Promise<{ data: Uint8Array; size: number }> {
    const path = this.#path(sid, part);
    const info = await this.files.size(path);
    if (!info) throw new AppError("not_found", `there is no recording of session ${sid}`);
    const count = Math.max(0, Math.min(length, info.size - offset));
    return {
      data: count > 0 ? await this.files.read(path, offset, count) : new Uint8Array(),
      size: info.size,
    };
  }

  /** The newest first. @param isVisible leaves others out */
  async list(
    limit: number,
    isVisible: (sid: string) => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<RecordingInfo[]> {
    const found: RecordingInfo[] = [];
    const files = await this.#logs();
    for (let next = 0; next < files.length && found.length < limit; next += AT_ONCE) {
      const some = files.slice(next, next + AT_ONCE);
      const visible = await Promise.all(some.map(({ sid }) => isVisible(sid).catch(gone)));
      const wanted = some.filter((_, index) => visible[index]).slice(0, limit - found.length);
      found.push(...await Promise.all(wanted.map((file) => this.#describe(file))));
    }
    return found;
  }

  /** The log of every session, those first to which something was added last. */
  async #logs(): Promise<LogFile[]> {
    const sids = (await this.files.names(this.#directory)).filter((name) => name.endsWith(".session.log"))
      .map((name) => name.slice(0, -".session.log".length)).filter(isUuid);
    const logs: LogFile[] = [];
    for (let next = 0; next < sids.length; next += AT_ONCE) {
      logs.push(
        ...await Promise.all(
          sids.slice(next, next + AT_ONCE).map(async (sid) => {
            const { size, modified } = await this.files.size(this.#path(sid, "log")) ??
              { size: 0, modified: 0 };
            return { sid, size, modified };
          }),
        ),
      );
    }
    return logs.sort((a, b) => b.modified - a.modified);
  }

  async #describe({ sid, size, modified }: LogFile): Promise<RecordingInfo> {
    const known = this.#known.get(sid);
    if (known?.modified === modified) return known;
    const path = this.#path(sid, "log");
    const head = await this.files.read(path, 0, Math.min(size, HEAD_BYTES));
    const tail = await this.files.read(path, Math.max(0, size - TAIL_BYTES), TAIL_BYTES);
    const start = eventIn(head, "session.start"), end = eventIn(tail, "session.end");
    const info: RecordingInfo = {
      sid,
      bytes: await this.size(sid, "bytes"),
      modified,
      complete: end !== undefined,
      user: textOf(start?.user),
      login: textOf(start?.login),
      server_id: textOf(start?.server_id),
      name: textOf(start?.name),
      started: timeOf(start?.time),
      ended: timeOf(end?.time),
    };
    if (info.complete) {
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      this.#known.set(sid, info);
    }
    return info;
  }

  /** Every session that has a file here, and when something was added to it last. */
  async all(): Promise<{ sid: string; modified: number }[]> {
    const sids = (await this.files.names(this.#directory))
      .map((name) => name.slice(0, name.indexOf("."))).filter(isUuid);
    const found: { sid: string; modified: number }[] = [];
    for (const sid of new Set(sids)) {
      const infos = await Promise.all(
        (["bytes", "log", "owner"] as const).map((part) => this.files.size(this.#path(sid, part))),
      );
      found.push({ sid, modified: Math.max(...infos.map((info) => info?.modified ?? 0)) });
    }
    return found;
  }

  /** Deletes a recording; the file that says whose it is goes last. */
  async remove(sid: string): Promise<void> {
    for (const part of ["bytes", "log", "owner"] as const) await this.files.remove(this.#path(sid, part));
    this.#owners.delete(sid);
    this.#known.delete(sid);
    this.#parties.delete(sid);
  }

  /**
   * The users of a session, read from its log's first lines, once for each time that there are more of them: a list for
   * somebody who sees few recordings asks for all.
   * @throws {AppError} not_found
   */
  async participants(sid: string): Promise<ReadonlySet<string>> {
    const known = this.#parties.get(sid);
    const { data, size } = await this.read(sid, "log", known?.upTo ?? 0, known ? 0 : PARTIES_BYTES);
    if (known && known.upTo >= Math.min(size, PARTIES_BYTES)) return known.users;
    const head = known ? (await this.read(sid, "log", 0, PARTIES_BYTES)).data : data;
    const users = usersIn(head);
    if (this.#parties.size >= MAX_PARTIES) this.#parties.clear();
    this.#parties.set(sid, { users, upTo: head.length });
    return users;
  }
}

/** Those whom a session's log names as somebody who started or joined it. */
function usersIn(log: Uint8Array): Set<string> {
  const users = new Set<string>();
  for (const line of new TextDecoder().decode(log).split("\n")) {
    const match = /"event":"session\.(?:start|join)"/.test(line) && /"user":"([^"\\]+)"/.exec(line);
    if (match && match[1]) users.add(match[1]);
  }
  return users;
}

/** Removed while the list was made. */
function gone(error: unknown): false {
  if (isAppError(error, "not_found")) return false;
  throw error;
}

interface LogFile {
  sid: string;
  size: number;
  modified: number;
}

/** The first event of this name in a piece of a log, whose first and last lines may be cut. */
function eventIn(piece: Uint8Array, name: string): Record<string, unknown> | undefined {
  for (const line of new TextDecoder().decode(piece).split("\n")) {
    if (!line.includes(`"event":"${name}"`)) continue;
    const event = eventOf(line);
    if (event?.event === name) return event;
  }
  return undefined;
}

function eventOf(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function timeOf(value: unknown): number | undefined {
  const time = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? undefined : time;
}
