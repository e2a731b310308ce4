/**
 * One configuration text to settings: YAML, then the keys, then the values. Every error names file, line and column.
 * @module
 */
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { checkKeys, type Finding } from "./keys.ts";
import { moveOldKeys } from "./old_keys.ts";
import { type KeyPath, Positions } from "./positions.ts";
import { fileSchema, type FileSettings } from "./schema.ts";
import { isMapping, parseYaml, type YamlTree } from "./yaml_tree.ts";

/** A configuration text and the name that messages give it. */
export interface ConfigText {
  name: string;
  text: string;
}

/** Settings of one file, and what the administrator should know. */
export interface ReadFile {
  /** What could be read; defaults stand for keys with faults. */
  settings: FileSettings;
  /** Why the file cannot be used, each as `name:line:column: what is wrong`, in the file's order. */
  faults: string[];
  warnings: string[];
  /** `name:line:column` of a key, for messages about its value. */
  place(path: KeyPath): string;
}

/** A configuration is text written by a person; more than this is a mistake or an attack. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * Reads a configuration text.
 * @throws {AppError} bad_input when it is no YAML at all
 */
export function readConfigText({ name, text }: ConfigText): ReadFile {
  if (text.length > MAX_CONFIG_BYTES || new TextEncoder().encode(text).length > MAX_CONFIG_BYTES) {
    throw new AppError("bad_input", `${name}: larger than 1 MiB, which no configuration needs`);
  }
  const moved = moveOldKeys(parseYaml(text, name));
  const { tree, problems, warnings } = checkKeys(fileSchema, moved.tree);
  let positions: Positions | undefined;
  const find = (path: KeyPath) => (positions ??= new Positions(text)).find(moved.writtenAt(path));
  const place = (path: KeyPath) => {
    const found = find(path);
    return found ? `${name}:${found.line}:${found.column}` : name;
  };
  const say = (findings: Finding[]) =>
    findings.map((finding) => ({ finding, at: find(finding.path) }))
      .sort(({ at: a }, { at: b }) => (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0))
      .map(({ finding }) => `${place(finding.path)}: ${finding.message}`);
  const { settings, findings } = readValues(tree);
  return {
    settings,
    faults: say([...problems, ...findings]),
    warnings: say([...moved.warnings, ...warnings]),
    place,
  };
}

/** Reads all values; what is at fault is left out, so that the rest can be looked at, too. */
function readValues(tree: YamlTree): { settings: FileSettings; findings: Finding[] } {
  const findings: Finding[] = [];
  for (let rest = tree;;) {
    const result = v.safeParse(fileSchema, rest);
    if (result.success) return { settings: result.output, findings };
    const found = result.issues.map(findingOf);
    findings.push(...found);
    const less = found.reduce((left, { path }) => without(left, path), rest);
    if (less === rest) {
      throw new AppError(
        "internal",
        `the configuration's faults have no place: ${found.map(({ message }) => message)}`,
      );
    }
    rest = less;
  }
}

/** The tree without the value at `path`; of a list, the whole list, since the others would change their places. */
function without(tree: YamlTree, path: KeyPath): YamlTree {
  const [key, ...below] = path;
  if (typeof key !== "string" || !isMapping(tree) || !Object.hasOwn(tree, key)) return tree;
  const { [key]: value = null, ...others } = tree;
  // A single value in the place of a list is its first item.
  if (below.length === 0 || typeof below[0] === "number" || !isMapping(value)) return others;
  const less = without(value, below);
  return less === value ? tree : { ...others, [key]: less };
}

function findingOf(issue: v.BaseIssue<unknown>): Finding {
  const path = (issue.path ?? []).map((item) => typeof item.key === "number" ? item.key : String(item.key));
  const expected =
    issue.type === "array" && issue.kind === "schema" && issue.message.startsWith("Invalid type")
      ? "a list is expected"
      : issue.message;
  const message = issue.received === "undefined" ? "the key is missing" : expected;
  return { path, message: `${quote(path.join("."))}: ${message}` };
}
