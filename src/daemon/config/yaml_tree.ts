/**
 * YAML text to a plain tree of texts, lists and mappings, with bounds.
 *
 * The failsafe schema is used on purpose: every scalar stays the text that was written, so a token `0123` keeps its
 * zero, a label `1.10` its last digit, and a date stays a date's text. The configuration schema says what is a number
 * or a boolean.
 * @module
 */
import { parse } from "@std/yaml";
import { AppError, messageOf } from "../../base/errors.ts";
import { escapeControls } from "../../base/quote.ts";

/** A parsed document. Absent values, `~` and `null` are null. */
export type YamlTree = string | null | YamlTree[] | { [key: string]: YamlTree };

/** Deepest nesting accepted. */
const MAX_DEPTH = 32;
/** Most values a document may have once its aliases are written out. */
const MAX_VALUES = 50_000;

/**
 * Parses one YAML document.
 * @param name what error messages call the document: its path.
 * @param linesBefore how many lines of the file stand before `text`.
 * @throws {AppError} bad_input as `name:line:column: what is wrong`.
 */
export function parseYaml(text: string, name: string, linesBefore = 0): YamlTree {
  refuseTabs(text, name, linesBefore);
  let parsed: unknown;
  try {
    parsed = parse(text, { schema: "failsafe" });
  } catch (error) {
    throw explain(error, name, linesBefore);
  }
  return copy(parsed, 0, { left: MAX_VALUES }, name);
}

/** True for a mapping, false for a list, a text and null. */
export function isMapping(tree: YamlTree): tree is { [key: string]: YamlTree } {
  return typeof tree === "object" && tree !== null && !Array.isArray(tree);
}

/** The parser takes a tab as one blank and then puts a key into the wrong mapping without a word. */
function refuseTabs(text: string, name: string, linesBefore: number): void {
  text.split(/\r\n|\r|\n/).forEach((line, index) => {
    const indentation = /^ *(?:[-?:] *)*\t(?=\s*\S)/.exec(line);
    if (indentation) {
      const place = `${name}:${linesBefore + index + 1}:${indentation[0].length}`;
      throw new AppError("bad_input", `${place}: a tab in the indentation; YAML is indented with blanks`);
    }
  });
}

function explain(error: unknown, name: string, linesBefore: number): AppError {
  if (error instanceof RangeError) return new AppError("bad_input", `${name}: nested too deeply`);
  // Only the first line: those below quote the file, which may hold secrets.
  const message = escapeControls(messageOf(error).split("\n", 1)[0] ?? "");
  const parts = /^(.*) at line (\d+), column (\d+):?$/.exec(message);
  const [what, place] = parts
    ? [parts[1], `${name}:${linesBefore + Number(parts[2])}:${parts[3]}`]
    : [message, name];
  return new AppError("bad_input", `${place}: not valid YAML: ${what}`);
}

/** Copies the parser's result, so that aliases become trees of their own and cycles and "bombs" end here. */
function copy(value: unknown, depth: number, budget: { left: number }, name: string): YamlTree {
  if (depth > MAX_DEPTH) {
    throw new AppError(
      "bad_input",
      `${name}: nested deeper than ${MAX_DEPTH} levels, or an alias holds itself`,
    );
  }
  if (budget.left-- <= 0) {
    throw new AppError(
      "bad_input",
      `${name}: more than ${MAX_VALUES} values once its aliases are written out`,
    );
  }
  if (typeof value === "string") return value === "~" || value === "null" ? null : value;
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1, budget, name));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, copy(item, depth + 1, budget, name)]),
  );
}
