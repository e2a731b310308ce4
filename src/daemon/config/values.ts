/**
 * How one value of the configuration is read: each parser takes the text that was written and gives the typed value,
 * or an AppError that says what is expected. `reading` turns a parser into a valibot schema.
 * @module
 */
import * as v from "valibot";
import type { BalancerChoice } from "../../api/balancers.ts";
import { isAddressBlock } from "../../api/source_address.ts";
import { DAY, parseDuration } from "../../base/duration.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { parseAddress } from "./address.ts";
import { quote } from "../../base/quote.ts";
import { didYouMean } from "../../base/suggest.ts";

const YES = new Set(["yes", "true", "on", "1"]);
const NO = new Set(["no", "false", "off", "0"]);
const NAME = /^[A-Za-z0-9._-]{1,253}$/;
/** A longer timer would fire at once: its milliseconds do not fit into 31 bits. */
const LONGEST_PERIOD = 20 * DAY;
const PIN = /^sha256:[0-9a-f]{64}$/;

/**
 * A schema for a value that `parse` reads from text; an AppError of the parser becomes the schema's issue.
 * @param form how the value is written, for the reference
 */
export function reading<T>(parse: (text: string) => T, form = "text"): v.GenericSchema<unknown, T> {
  const schema = v.pipe(
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
  return Object.assign(schema, { form });
}

/** A schema for a list, which may be written as a single value when it has one item. */
export function listOf<T>(
  item: v.GenericSchema<unknown, T> & { form?: string },
): v.GenericSchema<unknown, T[]> {
  const schema = v.pipe(
    v.unknown(),
    v.transform((value): unknown[] => Array.isArray(value) ? value : [value]),
    v.array(item),
  );
  return Object.assign(schema, { form: `one or a list: ${item.form ?? "text"}` });
}

/** A schema for `host[:port]`. */
export function address(defaultPort: number) {
  return reading((text) => parseAddress(text, defaultPort), `host[:port], port ${defaultPort}`);
}

/**
 * A schema for one word of a closed set, in any case.
 * @param unavailable words that are understood, but name something this build does not have.
 * @param aliases other spellings
 */
export function choice<const T extends string>(
  known: readonly T[],
  unavailable: readonly string[] = [],
  aliases: Readonly<Record<string, T>> = {},
) {
  return reading((text) => {
    const word = text.toLowerCase();
    const found = known.find((option) => option === word) ??
      (Object.hasOwn(aliases, word) ? aliases[word] : undefined);
    if (found !== undefined) return found;
    const list = known.map((option) => `"${option}"`).join(", ");
    if (unavailable.includes(word)) {
      throw new AppError(
        "bad_input",
        `${quote(text)} is not available in this build yet; available: ${list}`,
      );
    }
    throw new AppError("bad_input", `${quote(text)} is none of ${list}${didYouMean(text, known)}`);
  }, known.join(", "));
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
  return text.toLowerCase() === "never" ? 0 : bounded(text, parseDuration(text), 365 * DAY);
}

/** How long until something is done again, in milliseconds: at most what a timer can wait. */
export function parsePeriod(text: string): number {
  return bounded(text, parseDuration(text), LONGEST_PERIOD);
}

/** The period that a rate counts in, in milliseconds: longer than 0. */
export function parseRatePeriod(text: string): number {
  const period = parsePeriod(text);
  if (period > 0) return period;
  throw new AppError("bad_input", `${quote(text)} is no period: it must be longer than 0`);
}

/** How long a host may go by what it knew last, in milliseconds; Infinity for `never`, `no` and `0`. */
export function parseCacheTtl(text: string): number {
  if (["never", "no", "0"].includes(text.toLowerCase())) return Infinity;
  return bounded(text, parseDuration(text), 365 * DAY);
}

function bounded(text: string, duration: number, most: number): number {
  if (duration <= most) return duration;
  throw new AppError("bad_input", `${quote(text)} is too long: at most ${most / DAY} days`);
}

/** A namespace: the one there is. */
export function parseNamespace(text: string): string {
  if (text === "default") return text;
  throw new AppError("bad_input", `${quote(text)} cannot be used: the only namespace is "default"`);
}

/** A schema for `proxy_protocol`: `on`, `off`, or the addresses of balancers. */
export const balancers: v.GenericSchema<unknown, BalancerChoice> = Object.assign(
  v.pipe(
    v.unknown(),
    v.rawTransform<unknown, BalancerChoice>(({ dataset, addIssue, NEVER }) => {
      try {
        return parseBalancers(dataset.value);
      } catch (error) {
        if (!isAppError(error)) throw error;
        addIssue({ message: error.message });
        return NEVER;
      }
    }),
  ),
  { form: "off, on, or a list of addresses and networks" },
);

function parseBalancers(value: unknown): BalancerChoice {
  if (Array.isArray(value)) {
    if (value.length === 0) throw new AppError("bad_input", "the list is empty; write off");
    return value.map((item) => parseNetwork(parseText(item)));
  }
  const text = parseText(value);
  if (YES.has(text.toLowerCase())) return "on";
  if (NO.has(text.toLowerCase())) return "off";
  return [parseNetwork(text)];
}

/** An IP address, or a network as `10.0.0.0/8`. */
export function parseNetwork(text: string): string {
  if (isAddressBlock(text)) return text;
  throw new AppError("bad_input", `${quote(text)} is no IP address and no network such as 10.0.0.0/8`);
}

/** A directory of this machine as `file:///srv/recordings`. @returns its path */
export function parseFileUri(text: string): string {
  const url = text.startsWith("file:///") ? URL.parse(text) : null;
  // Encoded text that is no UTF-8 stays a percent sign, and is refused with it.
  const path = url && url.search === "" && url.hash === "" ? decoded(url.pathname).replace(/\/+$/, "") : "";
  if (path !== "" && !/[\0%]/.test(path)) return path;
  throw new AppError(
    "bad_input",
    `${quote(text)} is no directory of this machine as "file:///srv/recordings"`,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
