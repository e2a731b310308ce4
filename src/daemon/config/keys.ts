/**
 * Which keys a configuration may have: walks a parsed file beside its schema, reports unknown keys with the nearest
 * known one, and warns of keys that are known but do nothing yet.
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

/** The part of a valibot schema this walk reads. */
export interface Shape {
  type: string;
  entries?: Record<string, Shape>;
  item?: Shape;
  wrapped?: Shape;
  /** Set on keys without effect: what the warning says. */
  inertNote?: string;
}

/**
 * A key that is known and has no effect.
 * @param inner the keys below it, so that misspelt ones are still found.
 * @param note what the warning says to do instead.
 */
export function inert(inner?: Shape, note?: string) {
  const marks: Partial<Shape> = { inertNote: note ?? "", wrapped: inner };
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
  if (!isMapping(tree)) {
    const where = path.length === 0 ? "the file" : quote(path.join("."));
    out.problems.push({ path, message: `${where} must be a mapping of keys to values` });
    return null;
  }
  const kept: [string, YamlTree][] = [];
  for (const [key, value] of Object.entries(tree)) {
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
    } else {
      const advice = note === "" ? "" : `: ${note}`;
      out.warnings.push({
        path: at,
        message: `${quote(at.join("."))} is recognised, has no effect yet${advice}`,
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

function inertNote(shape: Shape): string | undefined {
  return shape.inertNote ?? (shape.wrapped && inertNote(shape.wrapped));
}

function unwrapped(schema: Shape): Shape {
  return schema.wrapped ? unwrapped(schema.wrapped) : schema;
}
