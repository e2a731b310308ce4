/**
 * The sessions that run in the whole cluster, also those that nodes announce to other auth servers on the same store.
 * What is announced here is written there, for half a minute; who wants a session of another one's to end leaves a note.
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import { SECOND } from "../base/duration.ts";
import { messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { ANNOUNCEMENT_TTL, type LiveSessionRecord } from "../model/live_session.ts";
import type { Backend, Key, Operation } from "../store/backend.ts";
import type { Announcer, HostedSession, LiveSessionDirectory } from "./live_sessions.ts";

const log = logger("auth");
/** Announcements of many hosts go into one commit. */
const GATHER_MS = 200;
const RENEW_MS = ANNOUNCEMENT_TTL / 2;
const CHUNK_BYTES = 40_000;
const MAX_OPERATIONS = 20;
const END_MS = 6 * SECOND;

interface Published {
  text: string;
  at: number;
  chunks: number;
}

/** A session's end that is wished for. */
interface EndNote {
  server: string;
  by: string;
}

export class SharedSessions {
  readonly #published = new Map<string, Published>();
  readonly #due = new Map<Key, string | undefined>();
  #remote: { announcer: string; session: HostedSession }[] = [];
  readonly #waiting = new Set<() => void>();
  #flushing: Timer | undefined;

  /** @param backend absent where no other auth server can be */
  constructor(readonly local: LiveSessionDirectory, readonly clock: Clock, readonly backend?: Backend) {}

  announce(announcer: Announcer, sessions: LiveSessionRecord[]): { sid: string; by: string }[] {
    const end = this.local.announce(announcer, sessions);
    if (this.backend) this.#publish(announcer, sessions);
    return end;
  }

  #publish({ server, run }: Announcer, sessions: LiveSessionRecord[]): void {
    const name = `${server}/${run}`;
    const now = this.clock.now();
    const before = this.#published.get(name);
    const text = JSON.stringify(sessions);
    if (before ? before.text === text && before.at > now - RENEW_MS : sessions.length === 0) return;
    const chunks = chunksOf(sessions);
    chunks.forEach((chunk, i) => this.#due.set(["live", server, run, `${i}`], chunk));
    for (let i = chunks.length; i < (before?.chunks ?? 0); i++) {
      this.#due.set(["live", server, run, `${i}`], undefined);
    }
    if (chunks.length === 0) this.#published.delete(name);
    else this.#published.set(name, { text, at: now, chunks: chunks.length });
    for (const [other, { at }] of this.#published) {
      if (at <= now - ANNOUNCEMENT_TTL) this.#published.delete(other);
    }
    this.#flushing ??= this.clock.after(GATHER_MS, () => void this.#flush());
  }

  async #flush(): Promise<void> {
    this.#flushing = undefined;
    const expires = this.clock.now() + ANNOUNCEMENT_TTL;
    const operations = [...this.#due].map(([key, value]): Operation =>
      value === undefined ? { type: "delete", key } : { type: "put", key, value, expires }
    );
    this.#due.clear();
    try {
      for (let i = 0; i < operations.length; i += MAX_OPERATIONS) {
        await this.backend?.commit(operations.slice(i, i + MAX_OPERATIONS));
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#published.clear(); // the next announcements are written again
      log.warn("running sessions cannot be told to other auth servers: {error}", { error: messageOf(error) });
    }
  }

  /** Reads what others have written. */
  async reload(): Promise<void> {
    if (!this.backend) return;
    this.#remote = (await this.backend.list(["live"])).flatMap(
      ({ key: [, server = "", run = ""], value }) => {
        const sessions: LiveSessionRecord[] = JSON.parse(value);
        return sessions.map((session) => ({
          announcer: `${server}/${run}`,
          session: { ...session, server },
        }));
      },
    );
    for (const look of this.#waiting) look();
  }

  /** The newest first. */
  async list(): Promise<HostedSession[]> {
    if (this.backend) await this.reload(); // what has expired tells nobody
    const here = this.local.list();
    const sids = new Set(here.map(({ sid }) => sid));
    const there = this.#remote.filter(({ session }) => !sids.has(session.sid)).map(({ session }) => session);
    return [...here, ...there].sort((a, b) => b.started - a.started);
  }

  /** Has the session's node end it. @returns false when it does not in time */
  async end(session: HostedSession, by: string): Promise<boolean> {
    const { sid, server } = session;
    if (!this.backend || this.#isHere(sid)) return await this.local.end(session, by);
    const note: EndNote = { server, by };
    const expires = this.clock.now() + END_MS;
    await this.backend.commit([{
      type: "put",
      key: ["live_end", sid],
      value: JSON.stringify(note),
      expires,
    }]);
    return await this.#gone(sid);
  }

  #isHere(sid: string): boolean {
    return this.local.list().some((known) => known.sid === sid);
  }

  #gone(sid: string): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (gone: boolean) => {
        timer.cancel();
        this.#waiting.delete(look);
        resolve(gone);
      };
      const look = () => this.#remote.some(({ session }) => session.sid === sid) || finish(true);
      const timer = this.clock.after(END_MS, () => finish(false));
      this.#waiting.add(look);
    });
  }

  close(): void {
    this.#flushing?.cancel();
  }

  /** Another auth server was asked to end a session: if it is announced here, its node is told. */
  async endNoted(sid: string): Promise<void> {
    const session = this.local.list().find((known) => known.sid === sid);
    const entry = session && await this.backend?.get(["live_end", sid]);
    if (!session || !entry) return;
    const { by }: EndNote = JSON.parse(entry.value);
    await this.local.end(session, by);
  }
}

/** Pieces that each fit into one entry of the store. */
function chunksOf(sessions: readonly LiveSessionRecord[]): string[] {
  const chunks: LiveSessionRecord[][] = [];
  let bytes = Infinity;
  for (const session of sessions) {
    const size = new TextEncoder().encode(JSON.stringify(session)).length + 1;
    if (bytes + size > CHUNK_BYTES) {
      chunks.push([]);
      bytes = 2;
    }
    chunks.at(-1)?.push(session);
    bytes += size;
  }
  return chunks.map((chunk) => JSON.stringify(chunk));
}
