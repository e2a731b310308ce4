/**
 * Keys at the places where older files have them: moved to where they belong today.
 * @module
 */
import { quote } from "../../base/quote.ts";
import type { Finding } from "./keys.ts";
import type { KeyPath } from "./positions.ts";
import { isMapping, type YamlTree } from "./yaml_tree.ts";

interface Move {
  from: readonly string[];
  to: readonly string[];
}

/** Each key's old and new place. */
const MOVES: readonly Move[] = [
  // The manual's own example of PAM is indented so.
  { from: ["teleport", "ssh_service", "pam"], to: ["ssh_service", "pam"] },
  { from: ["auth_service", "u2f"], to: ["auth_service", "authentication", "u2f"] },
];

/** A file in today's form. */
export interface MovedKeys {
  tree: YamlTree;
  warnings: Finding[];
  /** Where the file has what stands at `path` in the tree. */
  writtenAt(path: KeyPath): KeyPath;
}

/** Moves old keys, unless the file has the new one, too: then the old one stays where it is, and is unknown there. */
export function moveOldKeys(tree: YamlTree): MovedKeys {
  const moved: Move[] = [];
  let result = tree;
  for (const move of MOVES) {
    const taken = take(result, move.from);
    if (taken === undefined) continue;
    const placed = put(taken.rest, move.to, taken.value);
    if (placed === undefined) continue;
    result = placed;
    moved.push(move);
  }
  const warnings = moved.map(({ from, to }): Finding => ({
    path: to,
    message: `${quote(from.join("."))} is the old place: write it as ${quote(to.join("."))}`,
  }));
  return {
    tree: result,
    warnings,
    writtenAt: (path) => {
      const move = moved.find(({ to }) => to.every((key, index) => path[index] === key));
      return move ? [...move.from, ...path.slice(move.to.length)] : path;
    },
  };
}

/** The value at `path`, and the tree without it and without the mappings that held nothing else. */
function take(tree: YamlTree, path: readonly string[]): { value: YamlTree; rest: YamlTree } | undefined {
  const [key, ...below] = path;
  if (key === undefined) return { value: tree, rest: null };
  if (!isMapping(tree) || !Object.hasOwn(tree, key)) return undefined;
  const { [key]: held = null, ...others } = tree;
  const taken = take(held, below);
  if (taken === undefined) return undefined;
  const emptied = taken.rest === null;
  const rest = emptied ? others : { ...others, [key]: taken.rest };
  return { value: taken.value, rest: Object.keys(rest).length > 0 ? rest : null };
}

/** The tree with `value` at a place where nothing is; undefined when something is. */
function put(tree: YamlTree, path: readonly string[], value: YamlTree): YamlTree | undefined {
  const [key, ...below] = path;
  if (key === undefined) return tree === null ? value : undefined;
  if (tree !== null && !isMapping(tree)) return undefined;
  const inner = put(tree && Object.hasOwn(tree, key) ? tree[key] ?? null : null, below, value);
  return inner === undefined ? undefined : { ...tree, [key]: inner };
}
