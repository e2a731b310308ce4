/**
 * The schemas of `ssh_service.labels` and `ssh_service.commands`.
 * @module
 */
import * as v from "valibot";
import { AppError, isAppError } from "../../base/errors.ts";
import { parseLabelKey, parseLabelValue } from "./labels.ts";
import { quote } from "../../base/quote.ts";
import { key } from "./keys.ts";
import { parsePeriod, reading } from "./values.ts";

/** A mapping of label names to texts; any label name is allowed, so this reads the mapping itself. */
export const fixedLabels: v.GenericSchema<unknown, Record<string, string>> = v.pipe(
  v.unknown(),
  v.rawTransform<unknown, Record<string, string>>(({ dataset, addIssue, NEVER }) => {
    try {
      return parseFixedLabels(dataset.value);
    } catch (error) {
      if (!isAppError(error)) throw error;
      addIssue({ message: error.message });
      return NEVER;
    }
  }),
);

/** One entry of `commands`. The period defaults to a minute. */
export const commandLabel = v.object({
  name: key("The label's name.", reading(parseLabelKey), { shown: "required" }),
  command: key(
    "The program and its arguments; no shell reads them.",
    v.pipe(
      v.array(reading((word) => word), "a list is expected, as in [uname, -p]"),
      v.minLength(1, "the command is missing"),
    ),
    { shown: "required", form: "list of words" },
  ),
  period: key(
    "How long until the command runs again; at least a second.",
    v.optional(reading(parsePeriod, "duration"), "1m"),
  ),
});

function parseFixedLabels(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AppError("bad_input", "a mapping is expected, as in {role: db}");
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, text]): [string, string] => {
      const name = parseLabelKey(key);
      if (typeof text !== "string") throw new AppError("bad_input", `label ${quote(key)} has no value`);
      return [name, parseLabelValue(text)];
    }),
  );
}
