/**
 * Keys as paths, for stores whose keys are texts: `["user", "joe"]` is `user/joe`. What could be mistaken for a
 * separator is percent-encoded, so that an administrator can read the keys and every name survives.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { Key } from "./backend.ts";

/** @throws {AppError} bad_input for a name that is empty or no Unicode text */
export function pathOf(key: Key): string {
  return key.map((name) => {
    if (name === "") throw new AppError("bad_input", "a key of the store has an empty name");
    try {
      return encodeURIComponent(name);
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
      throw new AppError("bad_input", "a key of the store is no Unicode text");
    }
  }).join("/");
}

/** The key of a path; undefined when the path is none of {@linkcode pathOf}. */
export function keyOfPath(path: string): Key | undefined {
  try {
    const key = path.split("/").map(decodeURIComponent);
    return key.includes("") ? undefined : key;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
