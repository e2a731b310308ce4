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

/** A transactional, ordered key-value store. */
export interface Backend {
  get(key: Key): Promise<Entry | undefined>;
  /** All entries whose key starts with `prefix`, in key order. */
  list(prefix: Key): Promise<Entry[]>;
  /**
   * Applies all operations or none. When it resolves to true, they survive the death of the process.
   * @returns false when a check failed
   */
  commit(operations: readonly Operation[]): Promise<boolean>;
  close(): Promise<void>;
}

/** The largest value a backend must take, in bytes of UTF-8. */
export const MAX_VALUE_BYTES = 60_000;

/** @throws {AppError} bad_input when a value is larger than every backend takes */
export function requireFits(value: string, what: string): void {
  if (new TextEncoder().encode(value).length <= MAX_VALUE_BYTES) return;
  throw new AppError("bad_input", `${what} is larger than the ${MAX_VALUE_BYTES} bytes that the store takes`);
}
