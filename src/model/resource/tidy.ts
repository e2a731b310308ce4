/**
 * Walks a document beside its schema: unknown fields are problems that name the nearest known one, fields without a
 * value count as left out. The schema library cannot be trusted with this: to it a field called `constructor` is known.
 * @module
 */
import { quote } from "../../base/quote.ts";
import { nearest } from "../../base/suggest.ts";

/** Keys and list indexes from the document's root. */
export type FieldPath = readonly (string | number)[];

/** Something wrong at one place of a document. */
export interface Problem {
  path: FieldPath;
  message: string;
}

/** The part of a valibot schema this walk reads. */
export interface Shape {
  type: string;
  /** Of an object. */
  entries?: Record<string, Shape>;
  /** Of a list. */
  item?: Shape;
  /** Of an optional value. */
  wrapped?: Shape;
  /** Of a mapping with free keys. */
  value?: Shape;
}

/** Names that libraries drop or misunderstand in objects. */
const UNSAFE = new Set(["__proto__", "constructor", "prototype"]);

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `a.b[2].c` */
export function fieldText(path: FieldPath): string {
  const text = path.map((part) =>
    typeof part === "number" ? `[${part}]` : `.${/^[\w*/:-]{1,64}$/.test(part) ? part : quote(part)}`
  ).join("");
  return text.replace(/^\./, "");
}

/** A copy of `value` with known fields that have a value. What is wrong goes into `problems`. */
export function tidy(schema: Shape, value: unknown, path: FieldPath, problems: Problem[]): unknown {
  const shape = unwrapped(schema);
  if (Array.isArray(value)) {
    const { item } = shape;
    // The schema library takes a list for an object without fields.
    if (shape.entries || shape.type === "record") {
      problems.push({ path, message: "expected keys with values" });
    }
    return item ? value.map((part, index) => tidy(item, part, [...path, index], problems)) : value;
  }
  if (!isObject(value)) return value;
  if (!shape.entries && shape.type !== "record") return value;
  const kept: [string, unknown][] = [];
  for (const [key, part] of Object.entries(value)) {
    const below = shape.entries
      ? Object.hasOwn(shape.entries, key) ? shape.entries[key] : undefined
      : UNSAFE.has(key)
      ? undefined
      : shape.value;
    if (!below) {
      problems.push({
        path: [...path, key],
        message: unknownField(key, path, Object.keys(shape.entries ?? {})),
      });
    } else if (part !== null && part !== undefined) {
      kept.push([key, tidy(below, part, [...path, key], problems)]);
    }
  }
  return Object.fromEntries(kept);
}

function unknownField(key: string, path: FieldPath, known: readonly string[]): string {
  const where = path.length === 0 ? "" : ` in ${fieldText(path)}`;
  const near = nearest(key, known);
  return `unknown field ${quote(key)}${where}${near === undefined ? "" : `; did you mean "${near}"?`}`;
}

function unwrapped(schema: Shape): Shape {
  return schema.wrapped ? unwrapped(schema.wrapped) : schema;
}
