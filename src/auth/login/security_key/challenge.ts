/**
 * Challenges for security keys that need no memory: who asks for one has proven nothing yet, and must not be able to fill
 * the store. A challenge carries its end and a MAC over both and the user's name; only a login that succeeded with it
 * leaves a trace, so that it cannot succeed again.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import type { Clock } from "../../../base/clock.ts";
import { MINUTE } from "../../../base/duration.ts";
import type { Backend, Key, Operation } from "../../../store/backend.ts";

const TTL = 5 * MINUTE;
const TIME_BYTES = 8;
const HEAD_BYTES = TIME_BYTES + 16;
const MAC_BYTES = 32;
/** As long as the handles of most U2F keys. */
const HANDLE_BYTES = 64;
const SECRET: Key = ["security_key_secret"];

const usedKey = (challenge: string): Key => [
  "security_key_used",
  createHash("sha256").update(challenge).digest("hex"),
];

export class KeyChallenges {
  #secret?: Promise<Buffer>;

  constructor(readonly backend: Backend, readonly clock: Clock) {}

  /** @returns base64url */
  async issue(user: string): Promise<string> {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeBigUInt64BE(BigInt(this.clock.now() + TTL));
    randomBytes(HEAD_BYTES - TIME_BYTES).copy(head, TIME_BYTES);
    return Buffer.concat([head, await this.#mac("challenge", user, head)]).toString("base64url");
  }

  /** Whether it was issued for this user, not long ago. */
  async isCurrent(user: string, challenge: string): Promise<boolean> {
    const bytes = Buffer.from(challenge, "base64url");
    if (bytes.length !== HEAD_BYTES + MAC_BYTES || bytes.toString("base64url") !== challenge) return false;
    const head = bytes.subarray(0, HEAD_BYTES);
    const genuine = timingSafeEqual(await this.#mac("challenge", user, head), bytes.subarray(HEAD_BYTES));
    return genuine && head.readBigUInt64BE() > BigInt(this.clock.now());
  }

  /** Operations that succeed once for each challenge. */
  use(challenge: string): Operation[] {
    const key = usedKey(challenge);
    const expires = this.clock.now() + TTL;
    return [{ type: "check", key, version: undefined }, { type: "put", key, value: "{}", expires }];
  }

  async wasUsed(challenge: string): Promise<boolean> {
    return await this.backend.get(usedKey(challenge)) !== undefined;
  }

  /** A handle for a user without a key: the same each time, and random to whoever does not know the secret. */
  async standIn(user: string): Promise<string> {
    const parts = await Promise.all(["handle 1", "handle 2"].map((use) => this.#mac(use, user)));
    return Buffer.concat(parts).subarray(0, HANDLE_BYTES).toString("base64url");
  }

  async #mac(use: string, user: string, data: Uint8Array = new Uint8Array()): Promise<Buffer> {
    const secret = await (this.#secret ??= this.#load());
    return createHmac("sha256", secret).update(`${use}\0${user}\0`).update(data).digest();
  }

  /** All auth servers of a cluster use the same one. */
  async #load(): Promise<Buffer> {
    try {
      const made = randomBytes(MAC_BYTES).toString("base64");
      await this.backend.commit([
        { type: "check", key: SECRET, version: undefined },
        { type: "put", key: SECRET, value: JSON.stringify(made) },
      ]);
      const entry = await this.backend.get(SECRET);
      return Buffer.from(JSON.parse(entry?.value ?? "null") ?? made, "base64");
    } catch (error) {
      this.#secret = undefined; // the store may be back at the next try
      throw error;
    }
  }
}
