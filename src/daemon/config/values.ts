/**
 * How one value of the configuration is read: each parser takes the text that was written and gives the typed value,
 * or an AppError that says what is expected. `reading` turns a parser into a valibot schema.
 * @module
 */
import * as v from "valibot";
import { parseDuration } from "../../base/duration.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { parseAddress } from "./address.ts";
import { quote } from "../../base/quote.ts";
import { didYouMean } from "../../base/suggest.ts";

const YES = new Set(["yes", "true", "on", "1"]);
const NO = new Set(["no", "false", "off", "0"]);
const NAME = /^[A-Za-z0-9._-]{1,253}$/;
const PIN = /^sha256:[0-9a-f]{64}$/;

/** A schema for a value that `parse` reads from text; an AppError of the parser becomes the schema's issue. */
export function reading<T>(parse: (text: string) => T): v.GenericSchema<unknown, T> {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(parseText(dataset.value));
      } catch (error) {
        if (!isAppError(error)) throw error;
        addIssue({ message: error.message });
        return NEVER;
      }
    }),
  );
}

/** A schema for a list, which may be written as a single value when it has one item. */
export function listOf<T>(item: v.GenericSchema<unknown, T>): v.GenericSchema<unknown, T[]> {
  return v.pipe(
    v.unknown(),
    v.transform((value): unknown[] => Array.isArray(value) ? value : [value]),
    v.array(item),
  );
}

/** A schema for `host[:port]`. */
export function address(defaultPort: number) {
  return reading((text) => parseAddress(text, defaultPort));
}

/**
 * A schema for one word of a closed set, in any case.
 * @param unavailable words that are understood, but name something this build does not have.
 */
export function choice<const T extends string>(known: readonly T[], unavailable: readonly string[] = []) {
  return reading((text) => {
    const word = text.toLowerCase();
    const found = known.find((option) => option === word);
    if (found !== undefined) return found;
    const list = known.map((option) => `"${option}"`).join(", ");
    if (unavailable.includes(word)) {
      throw new AppError(
        "bad_input",
        `${quote(text)} is not available in this build yet; available: ${list}`,
      );
    }
    throw new AppError("bad_input", `${quote(text)} is none of ${list}${didYouMean(text, known)}`);
  });
}

/**
 * A text that is not empty and holds no control characters.
 * @throws {AppError} bad_input otherwise, or for a list or a mapping.
 */
export function parseText(value: unknown): string {
  if (Array.isArray(value)) throw new AppError("bad_input", "a single value is expected, not a list");
  if (typeof value !== "string") throw new AppError("bad_input", "a single value is expected");
  if (value === "") throw new AppError("bad_input", "the value is empty");
  if (/\p{Cc}/u.test(value)) {
    throw new AppError("bad_input", "the value holds control characters or line ends");
  }
  return value;
}

/** `yes`, `true`, `on`, `1` or `no`, `false`, `off`, `0`, in any case. */
export function parseYesNo(text: string): boolean {
  const word = text.toLowerCase();
  if (YES.has(word)) return true;
  if (NO.has(word)) return false;
  throw new AppError("bad_input", `${quote(text)} is neither "yes" nor "no"`);
}

/** A whole number of at least 1 and at most a million, as the limits take. */
export function parseCount(text: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
  if (count >= 1 && count <= 1_000_000) return count;
  throw new AppError("bad_input", `${quote(text)} is not a whole number from 1 to 1000000`);
}

/** The name of a node or a cluster: up to 253 letters, digits, dots, hyphens and underscores. */
export function parseName(text: string): string {
  if (isName(text)) return text;
  const rule = "up to 253 letters, digits, dots, hyphens and underscores";
  throw new AppError("bad_input", `${quote(text)} is not a valid name: use ${rule}`);
}

/** Whether `parseName` takes the text. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** The fingerprint of a CA: `sha256:` and 64 hexadecimal digits; given back in lower case. */
export function parsePin(text: string): string {
  const pin = text.toLowerCase();
  if (PIN.test(pin)) return pin;
  throw new AppError(
    "bad_input",
    `${quote(text)} is not a CA pin: it is "sha256:" and 64 hexadecimal digits`,
  );
}

/** Milliseconds after which a silent client is cut; 0 for `never`. */
export function parseIdleTimeout(text: string): number {
  return text === "never" ? 0 : parseDuration(text);
}
