/**
 * Results on standard output: tables for people, JSON and YAML for programs.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { measureOf } from "./cells.ts";
import { print } from "./program.ts";

export const FORMATS = ["text", "json", "yaml"] as const;
export type Format = (typeof FORMATS)[number];

/** The `--format` option of every listing. */
export function formatOption() {
  return new Option("--format <format>", "output format").choices(FORMATS).default("text" as const);
}

/** Prints a value in the wanted format; `text` renders it for people. */
export async function printResult(
  format: Format,
  value: unknown,
  text: () => string | Promise<string>,
): Promise<void> {
  if (format === "json") return print(jsonText(value));
  if (format === "yaml") return print(await yamlText(value));
  print(await text());
}

/** Prints one document, or several: in YAML one after the other, in JSON as a list. */
export async function printDocuments(
  format: Format,
  value: unknown,
  text: () => Promise<string>,
): Promise<void> {
  if (format === "text") return print(await text());
  if (format === "json") return print(jsonText(value));
  const documents = await Promise.all((Array.isArray(value) ? value : [value]).map(yamlText));
  print(documents.join("---\n"));
}

/** What JSON and YAML print as it is, but a terminal acts on: DEL, the C1 controls, marks of direction and lines. */
const UNPRINTABLE = /[\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function jsonText(value: unknown): string {
  return `${escaped(JSON.stringify(value, undefined, 2))}\n`;
}

/** One value a line, for programs that read line by line. */
export function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${escaped(JSON.stringify(value))}\n`).join("");
}

function escaped(json: string): string {
  return json.replace(UNPRINTABLE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A value as YAML. */
export async function yamlText(value: unknown): Promise<string> {
  const { stringify } = await import("@std/yaml");
  const text = stringify(JSON.parse(JSON.stringify(value)), { lineWidth: -1, useAnchors: false });
  // YAML escapes only in quotation marks: then it is written as JSON, which is YAML, too.
  return text.search(UNPRINTABLE) < 0 ? text : jsonText(value);
}

/** A table: columns as wide as their content, a row of dashes under the heading. */
export async function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<string> {
  const clean = rows.map((row) => row.map(printableCell));
  const cellsOf = await measureOf(clean.flat());
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...clean.map((row) => cellsOf(row[i] ?? "")))
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => cell + " ".repeat((widths[i] ?? 0) - cellsOf(cell))).join(" ").trimEnd();
  const dashes = headings.map((heading) => "-".repeat(heading.length));
  return [headings, dashes, ...clean].map((row) => `${line(row)}\n`).join("");
}

/** Text from the cluster, safe for a terminal: no control characters, no direction marks. */
export function printableCell(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "?");
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** RFC 822 style, as `17 May 16 03:51 UTC`. */
export function tableTime(ms: number | undefined): string {
  if (ms === undefined) return "never";
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${two(date.getUTCFullYear() % 100)}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())} UTC`;
}

/** `k=v,k=v` */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(",");
}
