/**
 * Resource files: any number of YAML or JSON documents, and where in the text each field stands.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { Positions } from "../../src/daemon/config/positions.ts";
import { parseYaml, type YamlTree } from "../../src/daemon/config/yaml_tree.ts";
import { checkDocument, type ParsedDocument, problemText } from "../../src/model/resource/parse.ts";
import type { FieldPath, Problem } from "../../src/model/resource/tidy.ts";

/** One document of a file. */
export interface SourceDocument {
  tree: YamlTree;
  /** `name:line:column` of a field, or of what it would be part of. */
  place(path: FieldPath): string;
}

/** A document that was found good, as it is sent. */
export interface CheckedDocument {
  tree: Record<string, unknown>;
  parsed: ParsedDocument;
}

/** A whole cluster's backup fits; more is a mistake. */
export const MAX_RESOURCE_BYTES = 64 * 1024 * 1024;
const MOST_PROBLEMS = 20;

/**
 * Splits a text into its documents. A document that is a list counts as its items.
 * @param name what messages call the text
 * @throws {AppError} bad_input as `name:line:column: what is wrong`
 */
export function readDocuments(text: string, name: string): SourceDocument[] {
  return chunksOf(blankTabs(text.replace(/^\ufeff/, ""))).flatMap(({ text, firstLine }) => {
    const tree = parseYaml(text, name, firstLine);
    if (tree === null) return [];
    let positions: Positions | undefined;
    const place = (path: FieldPath) => {
      positions ??= new Positions(text);
      const { line, column } = positions.find(path) ?? { line: startOf(text), column: 1 };
      return `${name}:${line + firstLine}:${column}`;
    };
    if (!Array.isArray(tree)) return [{ tree, place }];
    return tree.map((item, i) => ({ tree: item, place: (path: FieldPath) => place([i, ...path]) }));
  });
}

/**
 * Checks all documents of a text before any is used.
 * @throws {AppError} bad_input that lists the problems, one a line
 */
export function checkDocuments(text: string, name: string): CheckedDocument[] {
  const sources = readDocuments(text, name);
  if (sources.length === 0) throw new AppError("bad_input", "no resources found, empty input?");
  const problems: { at: SourceDocument; which: string; problem: Problem }[] = [];
  const checked = sources.flatMap((at, i): CheckedDocument[] => {
    const result = checkDocument(at.tree);
    if ("document" in result) return [{ tree: at.tree as Record<string, unknown>, parsed: result.document }];
    const which = sources.length === 1 ? "" : `document ${i + 1}: `;
    problems.push(...result.problems.map((problem) => ({ at, which, problem })));
    return [];
  });
  if (problems.length === 0) return checked;
  const told = problems.slice(0, MOST_PROBLEMS)
    .map(({ at, which, problem }) => `${at.place(problem.path)}: ${which}${problemText(problem)}`);
  if (problems.length > told.length) told.push(`and ${problems.length - told.length} more problems`);
  throw new AppError("bad_input", told.join("\n"));
}

/** A `---` or `...` at the start of a line ends a document wherever it stands (YAML 1.2, 9.1.2). */
function chunksOf(text: string): { text: string; firstLine: number }[] {
  const chunks: { lines: string[]; firstLine: number }[] = [{ lines: [], firstLine: 0 }];
  text.split(/\r\n|\r|\n/).forEach((line, i) => {
    const mark = /^(?:---|\.\.\.)(?=[ \t]|$)/.exec(line);
    if (mark) chunks.push({ lines: [`   ${line.slice(3)}`], firstLine: i });
    // Directives only tell the YAML version.
    else chunks.at(-1)?.lines.push(line.startsWith("%") ? "" : line);
  });
  return chunks.map(({ lines, firstLine }) => ({ text: lines.join("\n"), firstLine }))
    .filter(({ text }) => /^[ \t]*[^#\s]/m.test(text));
}

/** The first line of a text that says something, from 1. */
function startOf(text: string): number {
  return text.split("\n").findIndex((line) => /^[ \t]*[^#\s]/.test(line)) + 1;
}

/** Tabs are blanks in JSON, and errors in YAML's indentation. */
function blankTabs(text: string): string {
  if (!text.includes("\t") || !/^\s*[{[]/.test(text)) return text;
  try {
    JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
  return text.replaceAll("\t", " ");
}
