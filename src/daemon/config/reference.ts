/**
 * The reference of all keys, made from the schema: tables in Markdown.
 * @module
 */
import { inertNote, type Shape, unwrapped } from "./keys.ts";
import { fileSchema } from "./schema.ts";

/** One key. */
export interface ReferenceRow {
  /** With its sections, `[]` for an entry of a list. */
  key: string;
  form: string;
  shown: string;
  says: string;
  /** Of a key without effect: what stands in, and why. */
  inert?: string;
}

/** Every key of the file, in the schema's order. */
export function configReference(shape: Shape = fileSchema, key = ""): ReferenceRow[] {
  const inner = unwrapped(shape);
  const inert = inertNote(shape);
  const below = (entries: Record<string, Shape>, at: string) =>
    Object.entries(entries).flatMap(([name, entry]) =>
      configReference(entry, at === "" ? name : `${at}.${name}`)
    );
  const { doc } = shape;
  if (!doc) return below(inner.entries ?? {}, key);
  const row: ReferenceRow = {
    key,
    form: doc.form ?? inner.form ?? shape.form ?? "",
    shown: doc.shown ?? defaultOf(shape),
    says: doc.says,
    ...inert !== undefined && { inert },
  };
  if (inert !== undefined) return [row];
  const entries = inner.item && unwrapped(inner.item).entries;
  return [row, ...(entries ? below(entries, `${key}[]`) : [])];
}

function defaultOf(shape: Shape): string {
  const value = shape.default;
  if (typeof value === "string") return `\`${value}\``;
  return "none";
}

/** The Markdown of the reference. */
export function configTables(): string {
  const rows = configReference();
  const live = rows.filter(({ inert }) => inert === undefined);
  return [
    table(
      ["Key", "Value", "Default", "Meaning"],
      live.map((row) => [code(row.key), row.form, row.shown, row.says]),
    ),
    "",
    "These keys of the original are known and have no effect; each is answered with a warning:",
    "",
    table(["Key", "What stands in, and why"], byNote(rows)),
  ].join("\n");
}

/** Keys without effect, those with the same reason together. */
function byNote(rows: readonly ReferenceRow[]): string[][] {
  const keys = new Map<string, string[]>();
  for (const { key, inert } of rows) {
    if (inert !== undefined) keys.set(inert, [...keys.get(inert) ?? [], code(key)]);
  }
  return [...keys].map(([note, all]) => [all.join(", "), note]);
}

const code = (text: string) => `\`${text}\``;

/** A Markdown table. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heading), `|${"---|".repeat(heading.length)}`, ...rows.map(line)].join("\n");
}
