/**
 * What the fields of resources are made of. A value may come from JSON, or out of a YAML file as the text that was
 * written there, so that a token `0123` keeps its zero: each schema takes both.
 * @module
 */
import * as v from "valibot";
import { formatDuration, parseDuration } from "../../base/duration.ts";
import { isAppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";

/** How "never" and "not set" are written in a time field. */
export const NO_TIME = "0001-01-01T00:00:00Z";

const TRUE = ["true", "yes", "on"];
const FALSE = ["false", "no", "off"];

/** Text of at most `max` characters, without control characters. */
export function line(max = 1024) {
  return v.pipe(
    v.string("expected text"),
    v.maxLength(max, `longer than ${max} characters`),
    // deno-lint-ignore no-control-regex
    v.check((text) => !/[\u0000-\u001f\u007f-\u009f]/.test(text), "holds a control character"),
  );
}

/** Text that may have several lines: keys, XML. */
export function block(max: number) {
  return v.pipe(v.string("expected text"), v.maxLength(max, `longer than ${max} characters`));
}

/** A name that `check` accepts. */
export function named(what: string, check: (name: string) => boolean) {
  return v.pipe(
    v.string("expected text"),
    v.check(check, ({ input }) => `${quote(String(input))} is no ${what}`),
  );
}

export function list<T extends v.GenericSchema>(item: T, max = 256) {
  return v.pipe(v.array(item, "expected a list"), v.maxLength(max, `more than ${max} entries`));
}

export function flag() {
  return v.pipe(
    v.union([v.boolean(), v.picklist([...TRUE, ...FALSE])], "expected true or false"),
    v.transform((value) => value === true || TRUE.includes(String(value))),
  );
}

/** A whole number that is not negative. */
export function count() {
  const digits = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number));
  return v.union([v.pipe(v.number(), v.safeInteger(), v.minValue(0)), digits], "expected a whole number");
}

/** A time as RFC 3339 has it, in milliseconds since the epoch; undefined for {@linkcode NO_TIME}. */
export function time() {
  return v.pipe(
    v.string("expected a time such as 2018-05-01T10:00:00Z"),
    v.regex(
      /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/,
      "expected a time such as 2018-05-01T10:00:00Z",
    ),
    v.check((text) => !Number.isNaN(Date.parse(text)), "there is no such day or hour"),
    v.transform((text): number | undefined => {
      const ms = Date.parse(text);
      return ms <= 0 ? undefined : ms;
    }),
  );
}

/** The text of a time field. */
export function formatTime(ms: number | undefined): string {
  return ms === undefined ? NO_TIME : new Date(ms).toISOString().replace(/\.000Z$/, "Z");
}

/** A duration such as `8h` or `1h30m`, in milliseconds. */
export function duration() {
  return v.pipe(
    v.string("expected a duration such as 8h"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return parseDuration(dataset.value);
      } catch (error) {
        if (!isAppError(error)) throw error;
        addIssue({ message: error.message });
        return NEVER;
      }
    }),
  );
}

/** A duration as it is written: without parts that are zero, so that `8h` stays `8h`. */
export function durationText(ms: number): string {
  return formatDuration(ms).replace(/(?<=h)0m/, "").replace(/(?<=[hm])0s$/, "");
}

/** A mapping with free keys. */
export function mapping<T extends v.GenericSchema>(
  key: v.GenericSchema<string, string>,
  value: T,
  max = 256,
) {
  return v.pipe(
    v.record(key, value, "expected keys with values"),
    v.check((map) => Object.keys(map).length <= max, `more than ${max} entries`),
  );
}
