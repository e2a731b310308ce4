/**
 * One web session as a proxy serves it: the user's key and certificate, and everything that is open on behalf of it and
 * has to end with it.
 * @module
 */
import type { UserIdentity } from "../../model/identity.ts";
import type { Credential } from "../../ssh/client.ts";
import type { SessionKeys } from "./session_secret.ts";

/** Something that ends with its session. */
export type OnEnd = (reason: string) => void;

export interface WebSessionFacts {
  identity: UserIdentity;
  /** Logs in to auth and to nodes as the user. */
  credential: Credential;
  keys: SessionKeys;
  /** Milliseconds since the epoch. */
  expires: number;
}

export class WebSession {
  readonly #open = new Set<OnEnd>();
  readonly #ended = Promise.withResolvers<void>();
  #over = false;
  /** Tickets that were used, and when their time ends by itself. */
  readonly #tickets = new Map<string, number>();

  constructor(readonly facts: WebSessionFacts) {}

  get user(): string {
    return this.facts.identity.name;
  }

  get id(): string {
    return this.facts.keys.id;
  }

  get isOver(): boolean {
    return this.#over;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Whether something is open on behalf of it. */
  get isInUse(): boolean {
    return this.#open.size > 0;
  }

  /** Calls `onEnd` when the session ends, at once if it has. @returns what is open no more calls this */
  hold(onEnd: OnEnd): () => void {
    if (this.#over) onEnd("the session is over");
    else this.#open.add(onEnd);
    return () => void this.#open.delete(onEnd);
  }

  /** A ticket works once. @returns whether this is the first use */
  useTicket(ticket: string, now: number, ttl: number): boolean {
    for (const [used, ends] of this.#tickets) if (ends <= now) this.#tickets.delete(used);
    if (this.#tickets.has(ticket)) return false;
    this.#tickets.set(ticket, now + 2 * ttl);
    return true;
  }

  /** Signed out, expired, locked and the like. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    const open = [...this.#open];
    this.#open.clear();
    for (const onEnd of open) onEnd(reason);
    this.#ended.resolve();
  }
}
