/**
 * The sessions that run in the cluster, as the nodes announce them: in memory, forgotten when a node stops telling.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { ANNOUNCEMENT_TTL, type LiveSessionRecord } from "../model/live_session.ts";

/** A session and the node that has told of it. */
export type HostedSession = LiveSessionRecord & { server: string };

/** Who announces: a node's process. While a daemon is replaced by a new one, there are two of a node. */
export interface Announcer {
  server: string;
  run: string;
}

/** How long a node may take to end a session. */
const END_MS = 5_000;

interface Announcement extends Announcer {
  sessions: LiveSessionRecord[];
  heard: number;
}

/** Somebody's wish that a session ends. */
interface Wish {
  from: string;
  by: string;
  done(ended: boolean): void;
}

export class LiveSessionDirectory {
  readonly #announced = new Map<string, Announcement>();
  readonly #wishes = new Map<string, Wish>();

  /** @param tell has the nodes announce their sessions at once */
  constructor(readonly clock: Clock, readonly tell: () => void) {}

  /** @returns the sessions that are to end, and by whose will */
  announce(announcer: Announcer, sessions: LiveSessionRecord[]): { sid: string; by: string }[] {
    this.#forget();
    const from = keyOf(announcer);
    if (sessions.length === 0) this.#announced.delete(from);
    else this.#announced.set(from, { ...announcer, sessions, heard: this.clock.now() });
    const running = new Set(sessions.map(({ sid }) => sid));
    const end = [];
    for (const [sid, wish] of this.#wishes) {
      if (wish.from !== from) continue;
      if (running.has(sid)) end.push({ sid, by: wish.by });
      else wish.done(true);
    }
    return end;
  }

  /** The newest first. */
  list(): HostedSession[] {
    this.#forget();
    return [...this.#announced.values()].flatMap(({ server, sessions }) =>
      sessions.map((session) => ({ ...session, server }))
    ).sort((a, b) => b.started - a.started);
  }

  /** Has the session's node end it. @returns false when it does not in time */
  end({ sid, server }: HostedSession, by: string): Promise<boolean> {
    const announcement = [...this.#announced].find(([, known]) =>
      known.server === server && known.sessions.some((session) => session.sid === sid)
    );
    if (!announcement) return Promise.resolve(true); // it has ended meanwhile
    const [from] = announcement;
    this.#wishes.get(sid)?.done(false);
    return new Promise((resolve) => {
      const wish: Wish = {
        from,
        by,
        done: (ended) => {
          timer.cancel();
          if (this.#wishes.get(sid) === wish) this.#wishes.delete(sid);
          resolve(ended);
        },
      };
      const timer = this.clock.after(END_MS, () => wish.done(false));
      this.#wishes.set(sid, wish);
      this.tell();
    });
  }

  #forget(): void {
    const oldest = this.clock.now() - ANNOUNCEMENT_TTL;
    for (const [from, { heard }] of this.#announced) {
      if (heard <= oldest) this.#announced.delete(from);
    }
  }
}

const keyOf = ({ server, run }: Announcer) => `${server}/${run}`;
