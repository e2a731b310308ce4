/**
 * The sessions on terminals that this host serves: found by id for those who join, announced to auth so that people find
 * them, ended when an administrator wants it.
 * @module
 */
import { type Clock, every, type Timer } from "../base/clock.ts";
import { isAppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { UserIdentity } from "../model/identity.ts";
import type { LiveSessionRecord } from "../model/live_session.ts";
import type { ExitStatus } from "../ssh/channel.ts";
import type { Hub } from "./hub.ts";
import type { Program } from "./program.ts";

const log = logger("session");

/** Well within the time for which auth believes an announcement. */
const ANNOUNCE_MS = 10_000;
/** What changes at the same time is announced together; many sessions make a long announcement. */
const GATHER_MS = 100, GATHER_MS_FOR_EACH = 2;

export interface LiveSessionOptions {
  sid: string;
  login: string;
  owner: UserIdentity;
  /** The host it runs on, if that is another one. */
  node?: string;
  program: Program;
  /** Milliseconds since the epoch. */
  started: number;
  hub(onChange: () => void): Hub;
}

/** Somebody who has joined by the leave of a rule. */
export interface Guest {
  /** Why they may not be here any more. */
  refused(): string | undefined;
  /** Shows them out. */
  end(reason: string): void;
}

/** One session. */
export class LiveSession {
  readonly hub: Hub;
  readonly #ended = Promise.withResolvers<ExitStatus>();
  /** Why it was made to end, if it was. */
  reason: string | undefined;
  onChange: () => void = () => {};
  readonly #guests = new Set<Guest>();

  constructor(readonly options: LiveSessionOptions) {
    this.hub = options.hub(() => this.onChange());
  }

  get sid(): string {
    return this.options.sid;
  }

  /** How its program ended, once all of its output is on its way. */
  get ended(): Promise<ExitStatus> {
    return this.#ended.promise;
  }

  isOwnedBy({ name, cluster }: UserIdentity): boolean {
    const { owner } = this.options;
    return owner.name === name && owner.cluster === cluster;
  }

  record(): LiveSessionRecord {
    const { sid, login, owner, started, node } = this.options;
    const { columns, rows } = this.hub.size;
    const { parties } = this.hub;
    return { sid, user: owner.name, login, started, columns, rows, parties, ...(node && { node }) };
  }

  /** Looks after a guest. @returns ends that */
  receive(guest: Guest): () => void {
    this.#guests.add(guest);
    return () => void this.#guests.delete(guest);
  }

  /** Shows out who may not be here any more. */
  checkGuests(): void {
    for (const guest of [...this.#guests]) {
      const reason = guest.refused();
      if (reason === undefined) continue;
      this.#guests.delete(guest);
      guest.end(reason);
    }
  }

  /** @param by who wants it */
  end(by: string): void {
    if (this.reason !== undefined) return;
    this.reason = `ended by ${by}`;
    this.hub.tell(this.reason);
    this.options.program.kill();
  }

  over(status: ExitStatus): void {
    this.#ended.resolve(status);
  }
}

export interface LiveSessionsOptions {
  clock: Clock;
  /** Tells auth all sessions. @returns those that are to end, and by whose will */
  announce(sessions: LiveSessionRecord[]): Promise<{ sid: string; by: string }[]>;
}

export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  readonly #sessions = new Map<string, LiveSession>();
  readonly #cut = new WeakSet<object>();
  #beating: Timer | undefined;
  #soon: Timer | undefined;
  #announcing: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
  }

  get(sid: string): LiveSession | undefined {
    return this.#sessions.get(sid);
  }

  add(session: LiveSession): void {
    this.#sessions.set(session.sid, session);
    session.onChange = () => this.#changed();
    if (this.#stopped) session.hub.hurry();
    this.#beating ??= every(this.#options.clock, ANNOUNCE_MS, () => this.#beat());
    this.#changed();
  }

  remove(session: LiveSession, status: ExitStatus): void {
    this.#sessions.delete(session.sid);
    session.over(status);
    this.#changed();
  }

  /** This connection's time is over: what it has started does not wait for it. */
  cut(connection: object): void {
    this.#cut.add(connection);
  }

  isCut(connection: object): boolean {
    return this.#cut.has(connection);
  }

  #changed(): void {
    if (this.#stopped) return;
    const ms = GATHER_MS + this.#sessions.size * GATHER_MS_FOR_EACH;
    this.#soon ??= this.#options.clock.after(ms, () => {
      this.#soon = undefined;
      void this.announceNow();
    });
  }

  #beat(): Promise<void> {
    this.checkGuests();
    return this.announceNow();
  }

  /** Shows out who may not be in somebody else's session any more: users or roles have changed. */
  checkGuests(): void {
    for (const session of this.#sessions.values()) session.checkGuests();
  }

  /** Announces all sessions; a call during an announcement makes another one follow. */
  announceNow(): Promise<void> {
    this.#again = this.#announcing !== undefined;
    return this.#announcing ??= this.#announce().finally(() => this.#announcing = undefined);
  }

  async #announce(): Promise<void> {
    do {
      this.#again = false;
      try {
        const sessions = [...this.#sessions.values()];
        const wanted = await this.#options.announce(sessions.map((session) => session.record()));
        for (const { sid, by } of wanted) this.#sessions.get(sid)?.end(by);
      } catch (error) {
        if (!isAppError(error)) throw error;
        // The next beat tries again; how auth is reached is told elsewhere.
        log.debug("sessions could not be announced: {error}", { error: messageOf(error) });
      }
    } while (this.#again && !this.#stopped);
    if (this.#sessions.size > 0) return;
    this.#beating?.cancel();
    this.#beating = undefined;
  }

  /** The host stops: no session waits for anybody any more. */
  stop(): void {
    this.#stopped = true;
    this.#beating?.cancel();
    this.#soon?.cancel();
    for (const session of this.#sessions.values()) session.hub.hurry();
  }
}
