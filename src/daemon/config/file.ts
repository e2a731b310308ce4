/**
 * One configuration text to settings: YAML, then the keys, then the values. Every error names file, line and column.
 * @module
 */
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import { checkKeys, type Finding } from "./keys.ts";
import { type KeyPath, Positions } from "./positions.ts";
import { quote } from "../../base/quote.ts";
import { fileSchema, type FileSettings } from "./schema.ts";
import { parseYaml } from "./yaml_tree.ts";

/** A configuration text and the name that messages give it. */
export interface ConfigText {
  name: string;
  text: string;
}

/** Settings of one file, and what the administrator should know. */
export interface ReadFile {
  settings: FileSettings;
  warnings: string[];
  /** `name:line:column` of a key, for messages about its value. */
  place(path: KeyPath): string;
}

/** A configuration is text written by a person; more than this is a mistake or an attack. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

const MOST_PROBLEMS = 10;

/**
 * Reads a configuration text.
 * @throws {AppError} bad_input that lists every problem, one a line, as `name:line:column: what is wrong`.
 */
export function readConfigText({ name, text }: ConfigText): ReadFile {
  if (text.length > MAX_CONFIG_BYTES || new TextEncoder().encode(text).length > MAX_CONFIG_BYTES) {
    throw new AppError("bad_input", `${name}: larger than 1 MiB, which no configuration needs`);
  }
  const { tree, problems, warnings } = checkKeys(fileSchema, parseYaml(text, name));
  let positions: Positions | undefined;
  const place = (path: KeyPath) => {
    positions ??= new Positions(text);
    const found = positions.find(path);
    return found ? `${name}:${found.line}:${found.column}` : name;
  };
  const say = (finding: Finding) => `${place(finding.path)}: ${finding.message}`;
  if (problems.length > 0) throw refuse(problems, say);
  const result = v.safeParse(fileSchema, tree);
  if (!result.success) throw refuse(result.issues.map(findingOf), say);
  return { settings: result.output, warnings: warnings.map(say), place };
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

function refuse(findings: Finding[], say: (finding: Finding) => string): AppError {
  const lines = findings.slice(0, MOST_PROBLEMS).map(say);
  if (findings.length > lines.length) lines.push(`and ${findings.length - lines.length} more problems`);
  return new AppError("bad_input", lines.join("\n"));
}
