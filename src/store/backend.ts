/**
 * Where the auth service keeps its state. One interface, one conformance suite (`conformance.ts`) that every
 * implementation passes.
 * @module
 */

import { AppError } from "../base/errors.ts";

/** A key is a path of names: `["users", "joe"]`. Names are non-empty and may hold any text. */
export type Key = readonly string[];

/** A stored value. Values are JSON texts of at most 60,000 bytes. */
export interface Entry {
  key: Key;
  value: string;
  /** Changes with every write of this key. Opaque. */
  version: string;
  /** Milliseconds since the epoch after which the entry reads as absent. */
  expires?: number;
}

/** One part of an atomic commit. */
export type Operation =
  /** The key must be absent (`version` undefined) or have exactly this version. */
  | { type: "check"; key: Key; version: string | undefined }
  | { type: "put"; key: Key; value: string; expires?: number }
  | { type: "delete"; key: Key };

/** Something that was written. */
export interface Change {
  key: Key;
  deleted: boolean;
}

/** A feed of changes. */
export interface Watch {
  stop(): void;
}

/** A transactional, ordered key-value store. */
export interface Backend {
  get(key: Key): Promise<Entry | undefined>;
  /** All entries whose key starts with `prefix`, which has at least one name, in key order. */
  list(prefix: Key): Promise<Entry[]>;
  /**
   * Applies all operations or none, of which there are at most {@linkcode MAX_COMMIT}. When it resolves to true, they
   * survive the death of the process. Of several writes of one key the last one counts.
   * @returns false when a check failed
   */
  commit(operations: readonly Operation[]): Promise<boolean>;
  /**
   * Only of stores that several processes use at once: tells what others have written, soon after it happened, and
   * perhaps more than once. `undefined` says that something may have been missed: everything is to be read anew. What
   * this backend object itself writes may be left out, and so may entries that expire. The feed never ends by itself.
   */
  watch?(tell: (changes: readonly Change[] | undefined) => void): Watch;
  close(): Promise<void>;
}

/** The most operations of one commit: etcd takes 128, DynamoDB 100. */
export const MAX_COMMIT = 90;

/** The largest value a backend must take, in bytes of UTF-8. */
export const MAX_VALUE_BYTES = 60_000;

/** @throws {AppError} bad_input when a value is larger than every backend takes */
export function requireFits(value: string, what: string): void {
  if (new TextEncoder().encode(value).length <= MAX_VALUE_BYTES) return;
  throw new AppError("bad_input", `${what} is larger than the ${MAX_VALUE_BYTES} bytes that the store takes`);
}
