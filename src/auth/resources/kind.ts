/**
 * What each kind of resource can do. A kind reads and writes its own store; rights, conflicts and audit are the same for
 * all and lie in `resources.ts` and the handlers.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import { type Kind, KINDS } from "../../model/resource/kinds.ts";
import type { CreatedKind, ParsedDocument } from "../../model/resource/parse.ts";

/** A kind that can be read. */
export interface ReadableKind {
  list(withSecrets: boolean): Promise<ResourceDocument[]>;
  /** Those that go by this name; none when there is none. */
  get(name: string, withSecrets: boolean): Promise<ResourceDocument[]>;
}

/** Who writes, and over what. */
export interface WriteContext {
  /** The document that is there, without secrets. */
  existing: ResourceDocument | undefined;
  /** For the record. */
  author: string;
  now: number;
}

/** What came of a write. */
export interface Outcome {
  change: "created" | "updated" | "unchanged";
  /** What the administrator should know or do next. */
  advice?: string;
}

/** A kind that `tctl create` takes. */
export interface WritableKind<K extends CreatedKind> extends ReadableKind {
  /** @throws {AppError} conflict when the record changed since `existing` was read, bad_input */
  put(document: ParsedDocument<K>, context: WriteContext): Promise<Outcome>;
}

/** A kind that `tctl rm` takes. */
export interface RemovableKind extends ReadableKind {
  /** @returns false when there is nothing of this name */
  remove(name: string): Promise<boolean>;
}

/** The record was written by somebody else between reading and writing. */
export function conflict(kind: Kind, name: string): AppError {
  return new AppError(
    "conflict",
    `${KINDS[kind].noun} ${quote(name)} was changed meanwhile: get it anew, change that, and try again`,
  );
}

/** @throws {AppError} conflict unless the record is still the one that `existing` was made of */
export function requireState(
  kind: Kind,
  name: string,
  existing: ResourceDocument | undefined,
  version: string | undefined,
): void {
  if (existing?.metadata.revision !== version) throw conflict(kind, name);
}

/** Whether two values say the same; what is undefined counts as left out, the order of keys does not count. */
export function saysTheSame(a: unknown, b: unknown): boolean {
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
  return isDeepStrictEqual(plain(a), plain(b));
}
