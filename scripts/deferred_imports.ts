/**
 * Commands that load their own code only. The runtime reads at its start whatever an `import("./x.js")` may ask for later,
 * which is all code of all tools; it cannot foresee an import of a computed name.
 *
 * Workers keep theirs: what a Worker imports later without the runtime having foreseen it needs the right to read files.
 * @module
 */
import { dirname, join } from "node:path/posix";

const IMPORTED = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;
const LATER = /\bimport\("(\.[^"]+)"\)/g;

/**
 * The files that change, with their new text.
 * @param files the bundle: path to text
 * @param workers paths of the code that Workers start with
 */
export function deferImports(
  files: ReadonlyMap<string, string>,
  workers: readonly string[],
): Map<string, string> {
  const kept = new Set<string>();
  for (const worker of workers) reach(worker, files, kept);
  const changed = new Map<string, string>();
  for (const [path, text] of files) {
    if (kept.has(path)) continue;
    const deferred = text.replace(LATER, 'import(new URL("$1",import.meta.url).href)');
    if (deferred !== text) changed.set(path, deferred);
  }
  return changed;
}

/** Adds a file and all that it imports, now or later. */
function reach(path: string, files: ReadonlyMap<string, string>, found: Set<string>): void {
  const text = files.get(path);
  if (text === undefined || found.has(path)) return;
  found.add(path);
  for (const [, imported = ""] of text.matchAll(IMPORTED)) {
    reach(join(dirname(path), imported), files, found);
  }
}
