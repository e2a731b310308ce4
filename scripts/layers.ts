/**
 * The layers of the sources, and the check that the real import graph keeps to them: imports go down only, roles do not
 * know each other, and a few things have one home.
 * @module
 */

/** Folders from the bottom up; a file may import from its own folder and from those in lower rows. */
export const LAYERS: readonly (readonly string[])[] = [
  ["src/base"],
  ["src/model"],
  ["src/store", "src/ssh"],
  ["src/session", "src/tunnel"],
  ["src/api"],
  ["src/auth", "src/proxy", "src/node", "src/ui"],
  ["src/daemon"],
  ["cli"],
  ["main.ts"],
];

/** One import of one file by another; paths relative to the project. */
export interface Import {
  from: string;
  to: string;
  /** Nothing of it is there when the program runs. */
  typeOnly?: boolean;
}

function layerOf(path: string): { rank: number; folder: string } | undefined {
  for (const [rank, folders] of LAYERS.entries()) {
    const folder = folders.find((name) => path === name || path.startsWith(`${name}/`));
    if (folder !== undefined) return { rank, folder };
  }
  return undefined;
}

/** Tests, and what only tests import, may look anywhere. */
export function isTestCode(path: string): boolean {
  return /_test\.ts$|\/testing\/|\/testdata\/|\/test_kit\.ts$|\/fake_\w+\.ts$|\/conformance\.ts$/.test(
    path,
  ) ||
    path.startsWith("tests/") || path.startsWith("scripts/");
}

/** What is wrong with an import, or undefined. */
export function checkImport({ from, to, typeOnly = false }: Import): string | undefined {
  if (isTestCode(from)) return undefined;
  const target = layerOf(to);
  const source = layerOf(from);
  if (to.startsWith("tests/") || to.startsWith("scripts/") || isTestCode(to)) {
    return "the product imports test code";
  }
  if (source === undefined || target === undefined || source.folder === target.folder) return undefined;
  if (target.rank > source.rank) return `${source.folder} is below ${target.folder} and must not know it`;
  if (target.rank === source.rank) return `${source.folder} and ${target.folder} must not know each other`;
  if (target.folder === "src/store" && source.folder !== "src/auth") return "only src/auth uses the store";
  // The browser's code is public, and runs without the rest: of the API it knows the types.
  if (
    source.folder === "src/ui" && target.folder !== "src/model" && !(target.folder === "src/api" && typeOnly)
  ) {
    return "src/ui imports src/model, and types from src/api";
  }
  if (to.startsWith("src/ssh/ssh2/") && source.folder !== "src/ssh") return "src/ssh/ssh2 is behind src/ssh";
  return undefined;
}

/** Packages that one folder keeps to itself. */
const HOMES: Readonly<Record<string, string>> = {
  "ssh2": "src/ssh/ssh2/",
  "hono": "src/proxy/",
  "commander": "cli/",
  "preact": "src/ui/",
};

export function checkPackage(from: string, specifier: string): string | undefined {
  const name = specifier.replace(/^@commander-js\/extra-typings$/, "commander").split("/")[0] ?? "";
  const home = Object.hasOwn(HOMES, name) ? HOMES[name] : undefined;
  if (home === undefined || isTestCode(from) || from.startsWith(home)) return undefined;
  return `only ${home} imports ${name}`;
}

/** Where the runtime's own namespace may be used; the rest takes interfaces. */
const RUNTIME_HOMES = /^(?:src\/(?:base|store|node|daemon)\/|cli\/|main\.ts$|src\/ssh\/libcrypto\.ts$)/;

export function checkRuntimeUse(path: string, text: string): string | undefined {
  if (isTestCode(path) || RUNTIME_HOMES.test(path)) return undefined;
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|"(?:[^"\\\n]|\\.)*"/gm, "");
  return /\bDeno\./.test(code) ? "uses Deno.* directly; take an interface instead" : undefined;
}

/** The import cycles of a graph, each as the list of its files. */
export function findCycles(imports: readonly Import[]): string[][] {
  const edges = new Map<string, string[]>();
  for (const { from, to } of imports) edges.set(from, [...(edges.get(from) ?? []), to]);
  const cycles: string[][] = [];
  const state = new Map<string, "open" | "done">();
  const path: string[] = [];
  const visit = (file: string) => {
    state.set(file, "open");
    path.push(file);
    for (const next of edges.get(file) ?? []) {
      if (state.get(next) === "open") cycles.push([...path.slice(path.indexOf(next)), next]);
      else if (!state.has(next)) visit(next);
    }
    path.pop();
    state.set(file, "done");
  };
  for (const file of edges.keys()) if (!state.has(file)) visit(file);
  return cycles;
}
