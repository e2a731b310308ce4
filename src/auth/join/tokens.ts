/**
 * Join tokens: those of the configuration file, and those made by `tctl nodes add`. A token may be used any number of
 * times until it expires. Expired and removed ones are remembered for a week, so that a late host learns the reason.
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { DAY, formatDuration } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { JOIN_TOKEN_TTL } from "../../model/limits.ts";
import type { TokenRole } from "../../model/token.ts";
import type { Backend, Key } from "../../store/backend.ts";

/** A token that a host can prove. */
export interface JoinToken {
  token: string;
  /** What it goes by where its value is not shown; without one, by its {@linkcode tokenId}. */
  name?: string;
  roles: TokenRole[];
  /** Milliseconds since the epoch; undefined when it never expires. */
  expires?: number;
  removed?: boolean;
  static: boolean;
  /** Only this host may use it. */
  hostId?: string;
}

const REMEMBERED = 7 * DAY;

/** Names a token in logs and records without giving it away. */
export function tokenId(token: string): string {
  return createHash("sha256").update(`token id\0${token}`).digest("hex").slice(0, 12);
}

/** The name of a token's resource. */
export function tokenName(token: JoinToken): string {
  return token.name ?? tokenId(token.token);
}

const keyOf = (token: string): Key => ["join_token", createHash("sha256").update(token).digest("hex")];

export class JoinTokens {
  /**
   * @param fixed tokens of the configuration: the list is the truth at every start
   */
  constructor(readonly backend: Backend, readonly clock: Clock, readonly fixed: readonly JoinToken[]) {}

  async create(
    roles: TokenRole[],
    ttl: number,
    wanted?: string,
  ): Promise<{ token: string; expires: number }> {
    const token = wanted ?? randomBytes(16).toString("hex");
    const expires = this.clock.now() + ttl;
    await this.add({ token, roles, expires });
    return { token, expires };
  }

  /** @throws {AppError} bad_input, or already_exists when a usable token has this value */
  async add(given: { token: string; name?: string; roles: TokenRole[]; expires: number }): Promise<void> {
    const existing = (await this.all()).find((known) => known.token === given.token);
    if (existing && this.refusal(existing) === undefined) {
      throw new AppError("already_exists", "a token with this value exists already");
    }
    await this.replace(given);
  }

  /** Writes a token, whatever there was of this value. @throws {AppError} bad_input */
  async replace(given: { token: string; name?: string; roles: TokenRole[]; expires: number }): Promise<void> {
    const ttl = given.expires - this.clock.now();
    if (ttl <= 0 || ttl > JOIN_TOKEN_TTL.max) {
      throw new AppError(
        "bad_input",
        ttl > 0
          ? `a join token can be valid for at most ${formatDuration(JOIN_TOKEN_TTL.max)}`
          : "a join token must be valid for some time; see --ttl",
      );
    }
    await this.#put({ ...given, static: false });
  }

  async #put(token: JoinToken): Promise<void> {
    const forget = Math.max(token.expires ?? 0, this.clock.now()) + REMEMBERED;
    await this.backend.commit([
      { type: "put", key: keyOf(token.token), value: JSON.stringify(token), expires: forget },
    ]);
  }

  /** Every token that is known, usable or not. */
  async all(): Promise<JoinToken[]> {
    const stored: JoinToken[] = (await this.backend.list(["join_token"])).map((entry) =>
      JSON.parse(entry.value)
    );
    return [...this.fixed, ...stored];
  }

  /** The tokens a host could use now and an administrator should see. */
  async active(): Promise<JoinToken[]> {
    return (await this.all()).filter((token) =>
      this.refusal(token) === undefined && token.hostId === undefined
    );
  }

  /** Why a token cannot be used, or undefined when it can. */
  refusal(token: JoinToken): string | undefined {
    if (token.removed) return "this join token was removed by an administrator";
    if (token.expires !== undefined && token.expires <= this.clock.now()) {
      return `this join token expired at ${
        new Date(token.expires).toISOString()
      }; "tctl nodes add" makes a new one`;
    }
    return undefined;
  }

  /** @returns false when there is no such token. @throws {AppError} bad_input for a static one */
  async remove(token: string): Promise<boolean> {
    if (this.fixed.some((known) => known.token === token)) {
      throw new AppError("bad_input", "this token is in the configuration file: remove it there and restart");
    }
    const entry = await this.backend.get(keyOf(token));
    if (!entry) return false;
    const stored: JoinToken = JSON.parse(entry.value);
    if (stored.removed) return false;
    await this.#put({ ...stored, removed: true });
    return true;
  }
}
