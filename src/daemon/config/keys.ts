/**
 * Which keys a configuration may have: walks a parsed file beside its schema, reports unknown keys with the nearest
 * known one, and warns of keys that are known but have no effect.
 * @module
 */
import * as v from "valibot";
import type { KeyPath } from "./positions.ts";
import { quote } from "../../base/quote.ts";
import { nearest } from "../../base/suggest.ts";
import { isMapping, type YamlTree } from "./yaml_tree.ts";

/** Something to say about one place of the file. */
export interface Finding {
  path: KeyPath;
  message: string;
}

/** What the reference says of a key. */
export interface KeyDoc {
  /** One sentence. */
  says: string;
  /** The default in words, where the schema has none that could be shown. */
  shown?: string;
  /** How the value is written, where the schema does not know. */
  form?: string;
}

/** The part of a valibot schema this walk reads. */
export interface Shape {
  type: string;
  entries?: Record<string, Shape>;
  item?: Shape;
  wrapped?: Shape;
  default?: unknown;
  /** How the value is written; see `reading`. */
  form?: string;
  /** Set on keys without effect: what stands in, and why. */
  inertNote?: string;
  doc?: KeyDoc;
}

/**
 * A key with what the reference says of it.
 * @param schema made for this key alone: it is marked
 */
export function key<S extends object>(says: string, schema: S, more: Omit<KeyDoc, "says"> = {}): S {
  const doc: KeyDoc = { says, ...more };
  return Object.assign(schema, { doc });
}

/**
 * A key that is known and has no effect.
 * @param note what stands in and why
 * @param inner the keys below it, so that misspelt ones are still found.
 */
export function inert(note: string, inner?: Shape) {
  const marks: Partial<Shape> = { inertNote: note, wrapped: inner };
  return v.optional(Object.assign(v.unknown(), marks));
}

/** The outcome of `checkKeys`. `tree` holds only known keys that have an effect and a value, and every section. */
export interface CheckedKeys {
  tree: YamlTree;
  problems: Finding[];
  warnings: Finding[];
}

/**
 * Checks the keys of `tree` against `schema`, an object schema. A key without a value counts as absent, a section that
 * is absent as an empty one.
 */
export function checkKeys(schema: Shape, tree: YamlTree): CheckedKeys {
  const checked: CheckedKeys = { tree: null, problems: [], warnings: [] };
  checked.tree = walk(schema, tree ?? {}, [], schema, checked);
  return checked;
}

function walk(schema: Shape, tree: YamlTree, path: KeyPath, root: Shape, out: CheckedKeys): YamlTree {
  if (tree === null) return null;
  const shape = unwrapped(schema);
  if (shape.entries) return walkMapping(shape.entries, tree, path, root, out);
  if (shape.item && Array.isArray(tree)) {
    const item = shape.item;
    return tree.map((value, index) => walk(item, value, [...path, index], root, out));
  }
  return tree;
}

function walkMapping(
  entries: Record<string, Shape>,
  tree: YamlTree,
  path: KeyPath,
  root: Shape,
  out: CheckedKeys,
): YamlTree {
  const kept: [string, YamlTree][] = [];
  const mapping = isMapping(tree) ? tree : {};
  if (!isMapping(tree)) {
    const where = path.length === 0 ? "the file" : quote(path.join("."));
    out.problems.push({ path, message: `${where} must be a mapping of keys to values` });
  }
  for (const [key, value] of Object.entries(mapping)) {
    const at = [...path, key];
    const shape = Object.hasOwn(entries, key) ? entries[key] : undefined;
    if (shape === undefined) {
      out.problems.push({ path: at, message: unknownKey(key, entries, path, root) });
      continue;
    }
    const note = inertNote(shape);
    const below = walk(shape, value, at, root, out);
    if (note === undefined) {
      if (below !== null) kept.push([key, below]);
    } else if (value !== null) {
      out.warnings.push({
        path: at,
        message: `${quote(at.join("."))} is recognised, has no effect: ${note}`,
      });
    }
  }
  const present = new Set(kept.map(([key]) => key));
  for (const [key, section] of Object.entries(entries)) {
    if (!section.entries || present.has(key)) continue;
    kept.push([key, walkMapping(section.entries, {}, [...path, key], root, out)]);
  }
  return Object.fromEntries(kept);
}

function unknownKey(key: string, entries: Record<string, Shape>, path: KeyPath, root: Shape): string {
  const where = path.length === 0 ? "at the top level" : `in ${quote(path.join("."))}`;
  const problem = `unknown key ${quote(key)} ${where}`;
  if (Object.hasOwn(root.entries ?? {}, key)) return `${problem}; it belongs at the top level`;
  const home = Object.entries(root.entries ?? {}).find(([, section]) =>
    Object.hasOwn(unwrapped(section).entries ?? {}, key)
  )?.[0];
  if (home !== undefined) return `${problem}; it belongs in "${home}"`;
  const near = nearest(key, Object.keys(entries));
  return near === undefined ? problem : `${problem}; did you mean "${near}"?`;
}

/** What the warning about this key says; undefined for a key with an effect. */
export function inertNote(shape: Shape): string | undefined {
  return shape.inertNote ?? (shape.wrapped && inertNote(shape.wrapped));
}

/** The schema behind `optional` and its like. */
export function unwrapped(schema: Shape): Shape {
  return schema.wrapped ? unwrapped(schema.wrapped) : schema;
}
