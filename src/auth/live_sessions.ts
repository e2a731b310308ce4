/**
 * The sessions that run in the cluster, as the nodes announce them: in memory, forgotten when a node stops telling.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { ANNOUNCEMENT_TTL, type LiveSessionRecord } from "../model/live_session.ts";

/** A session and the node that has told of it. */
export type HostedSession = LiveSessionRecord & { server: string };

/** How long a node may take to end a session. */
const END_MS = 5_000;

interface Announcement {
  sessions: LiveSessionRecord[];
  heard: number;
}

/** Somebody's wish that a session ends. */
interface Wish {
  host: string;
  by: string;
  done(ended: boolean): void;
}

export class LiveSessionDirectory {
  readonly #hosts = new Map<string, Announcement>();
  readonly #wishes = new Map<string, Wish>();

  /** @param tell has the nodes announce their sessions at once */
  constructor(readonly clock: Clock, readonly tell: () => void) {}

  /** @returns the sessions that are to end, and by whose will */
  announce(host: string, sessions: LiveSessionRecord[]): { sid: string; by: string }[] {
    this.#forget();
    if (sessions.length === 0) this.#hosts.delete(host);
    else this.#hosts.set(host, { sessions, heard: this.clock.now() });
    const running = new Set(sessions.map(({ sid }) => sid));
    const end = [];
    for (const [sid, wish] of this.#wishes) {
      if (wish.host !== host) continue;
      if (running.has(sid)) end.push({ sid, by: wish.by });
      else wish.done(true);
    }
    return end;
  }

  /** The newest first. */
  list(): HostedSession[] {
    this.#forget();
    return [...this.#hosts].flatMap(([server, { sessions }]) =>
      sessions.map((session) => ({ ...session, server }))
    ).sort((a, b) => b.started - a.started);
  }

  /** Has the session's node end it. @returns false when it does not in time */
  end({ sid, server: host }: HostedSession, by: string): Promise<boolean> {
    this.#wishes.get(sid)?.done(false);
    return new Promise((resolve) => {
      const wish: Wish = {
        host,
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
    for (const [host, { heard }] of this.#hosts) {
      if (heard <= oldest) this.#hosts.delete(host);
    }
  }
}
