/**
 * The parties of one live session on one terminal: who is there, how large the terminal is, what each gets to see, and
 * when it is over because nobody is left.
 *
 * The owner's output goes its own way, at the owner's pace (the node's pump); the hub adds the others. The terminal is as
 * large as the smallest window of those who type; who only looks on does not shape it.
 * @module
 */
import type { Writable } from "node:stream";
import type { Clock, Timer } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { EventFields } from "../model/event.ts";
import { MAX_PARTIES, type PartyMode, type PartyRecord } from "../model/live_session.ts";
import type { WindowSize } from "../ssh/channel.ts";
import { OutputTail } from "./output_tail.ts";
import { PartyView } from "./party.ts";
import { drawScreen } from "./screen.ts";

/** How long a shell waits for somebody to come back. */
export const LINGER_MS = 20_000;

/** Who takes a seat. */
export interface Seat {
  /** A name as the screen of others may show it. */
  user: string;
  mode: PartyMode;
  size: WindowSize;
  output: Writable;
  /** Told the size that rules, at once and whenever it changes. */
  onSize?(size: WindowSize): void;
  /** What events about this party carry. */
  fields: Omit<EventFields, "event">;
}

/** A seat that is taken. */
export interface Party extends PartyRecord {
  /** The party's window has another size. */
  resize(size: WindowSize): void;
  /** Gives the seat up. */
  leave(): void;
}

export interface HubOptions {
  clock: Clock;
  /** How long it goes on with nobody there, in milliseconds. */
  lingerMs: number;
  owner: Seat;
  /** The program's terminal is to have this size. */
  onSize(size: WindowSize): void;
  onEvent(event: EventFields): void;
  /** Parties or size are others now. */
  onChange(): void;
  /** Nobody is left: the program is to end. */
  onAbandoned(): void;
}

class Member implements Party {
  readonly user: string;
  readonly mode: PartyMode;
  readonly since: number;

  constructor(readonly hub: Hub, readonly seat: Seat, readonly view: PartyView | undefined, now: number) {
    this.user = seat.user;
    this.mode = seat.mode;
    this.since = now;
  }

  resize(size: WindowSize): void {
    this.hub.resize(this, size);
  }

  leave(): void {
    this.hub.leave(this);
  }

  tell(line: Uint8Array): void {
    const { output } = this.seat;
    if (this.view) this.view.tell(line);
    else if (output.writable && output.writableLength < MAX_WAITING) output.write(line);
  }
}

const MAX_WAITING = 64 * 1024;

export class Hub {
  readonly #options: HubOptions;
  readonly #tail = new OutputTail();
  readonly #members = new Set<Member>();
  /** Those that the pump does not serve. */
  readonly #views = new Set<PartyView>();
  readonly owner: Party;
  #size: WindowSize;
  #linger: Timer | undefined;
  #over = false;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#size = options.owner.size;
    const owner = new Member(this, options.owner, undefined, options.clock.now());
    this.#members.add(owner);
    this.owner = owner;
    options.owner.onSize?.(this.#size);
  }

  /** The terminal's. */
  get size(): WindowSize {
    return this.#size;
  }

  get parties(): PartyRecord[] {
    return [...this.#members].map(({ user, mode, since }) => ({ user, mode, since }));
  }

  /** Output of the program, for all but the owner; the memory may be lent. */
  show(output: Uint8Array): void {
    this.#tail.push(output);
    for (const view of this.#views) view.show(output);
  }

  /** @throws {AppError} limit when there are too many, closed when it is over */
  join(seat: Seat): Party {
    if (this.#over) throw new AppError("closed", "the session is over");
    if (this.#members.size >= MAX_PARTIES) {
      throw new AppError("limit", `${MAX_PARTIES} take part in the session already`);
    }
    this.#linger?.cancel();
    this.#linger = undefined;
    const { clock } = this.#options;
    const view = new PartyView({
      output: seat.output,
      clock,
      draw: () => drawScreen(this.#tail, this.#size),
    });
    const member = new Member(this, seat, view, clock.now());
    this.#members.add(member);
    this.#views.add(view);
    this.#options.onEvent({ event: "session.join", ...seat.fields, mode: seat.mode });
    this.#fit(member);
    seat.onSize?.(this.#size);
    this.#announce(`${seat.user} joined${seat.mode === "observer" ? " as an observer" : ""}`);
    return member;
  }

  /** For {@linkcode Party}. */
  resize(member: Member, size: WindowSize): void {
    if (this.#over || !this.#members.has(member)) return;
    member.seat.size = size;
    if (member.mode === "observer") return;
    const before = this.#size;
    this.#fit(member);
    const { columns, rows } = this.#size;
    if (before.columns === columns && before.rows === rows || this.#members.size === 1) return;
    this.#say(`the terminal is ${columns}x${rows} now`);
  }

  /** For {@linkcode Party}. */
  leave(member: Member): void {
    if (this.#over || !this.#members.delete(member)) return;
    if (member.view) this.#views.delete(member.view);
    member.view?.close();
    this.#options.onEvent({ event: "session.leave", ...member.seat.fields });
    if (this.#members.size > 0) {
      this.#fit(member);
      this.#announce(`${member.user} left`);
      return;
    }
    this.#options.onChange();
    const { clock, lingerMs, onAbandoned } = this.#options;
    if (lingerMs <= 0) return onAbandoned();
    this.#linger = clock.after(lingerMs, onAbandoned);
  }

  /** Nobody is waited for any more. */
  hurry(): void {
    this.#options.lingerMs = 0;
    if (!this.#linger) return;
    this.#linger.cancel();
    this.#linger = undefined;
    this.#options.onAbandoned();
  }

  /** Tells all parties one line. */
  tell(text: string): void {
    this.#say(text);
  }

  /** The program has ended: everybody leaves. */
  end(): void {
    this.#over = true;
    this.#linger?.cancel();
    for (const { seat } of this.#members) {
      this.#options.onEvent({ event: "session.leave", ...seat.fields });
    }
    for (const view of this.#views) view.close();
    this.#members.clear();
    this.#views.clear();
  }

  /** As large as the smallest window of those who type. @param by who came, went or has another window */
  #fit(by: Member): void {
    const sizes = [...this.#members].filter(({ mode }) => mode === "peer").map(({ seat }) => seat.size);
    const [first] = sizes;
    if (!first) return; // only observers: it stays as it is
    const size = sizes.length === 1 ? first : {
      columns: Math.min(...sizes.map(({ columns }) => columns)),
      rows: Math.min(...sizes.map(({ rows }) => rows)),
      width: 0,
      height: 0,
    };
    const { columns, rows, width, height } = this.#size;
    if (columns === size.columns && rows === size.rows && width === size.width && height === size.height) {
      return;
    }
    this.#size = size;
    this.#options.onSize(size);
    for (const { seat } of this.#members) seat.onSize?.(size);
    if (columns === size.columns && rows === size.rows) return;
    this.#options.onEvent({ event: "resize", ...by.seat.fields, size: `${size.columns}:${size.rows}` });
    this.#options.onChange();
  }

  #announce(what: string): void {
    this.#options.onChange();
    const { columns, rows } = this.#size;
    const names = [...this.#members].map(({ user, mode }) =>
      mode === "observer" ? `${user} (observer)` : user
    );
    this.#say(`${what}; here: ${names.join(", ")}; ${columns}x${rows}`);
  }

  #say(text: string): void {
    const line = new TextEncoder().encode(notice(text, this.#tail.modes().alternateScreen));
    for (const member of this.#members) member.tell(line);
  }
}

/** A line for people: below what is there, or on the first line of a full-screen program, which will draw over it. */
function notice(text: string, fullScreen: boolean): string {
  const line = `\x1b[7m teleport: ${text} \x1b[0m`;
  return fullScreen ? `\x1b7\x1b[1;1H${line}\x1b[K\x1b8` : `\r\n${line}\r\n`;
}
