/**
 * `deno task check`: types, format, lint, layers, cycles, the README's reference. Prints what is wrong and exits 1, or one line when all is well.
 * @module
 */
import { checkImport, checkPackage, checkRuntimeUse, findCycles, type Import } from "./layers.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const FOLDERS = ["main.ts", "src", "cli", "tests", "scripts"];

async function deno(...args: string[]): Promise<{ code: number; stdout: string }> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "piped", stderr: "inherit" });
  const { code, stdout } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout) };
}

async function* sources(path: string): AsyncGenerator<string> {
  if (path.endsWith(".ts")) return yield path;
  for await (const entry of Deno.readDir(`${ROOT}${path}`)) {
    if (entry.isDirectory) yield* sources(`${path}/${entry.name}`);
    else if (/\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts")) yield `${path}/${entry.name}`;
  }
}

interface ModuleGraph {
  modules: {
    specifier: string;
    dependencies?: { specifier: string; code?: { specifier?: string }; type?: { specifier?: string } }[];
  }[];
}

/** The real import graph, as the runtime resolves it. */
async function importGraph(files: readonly string[]): Promise<{ imports: Import[]; problems: string[] }> {
  const imports = new Map<string, Import>();
  const problems: string[] = [];
  const local = (url: string | undefined) =>
    url?.startsWith(`file://${ROOT}`) ? url.slice(7 + ROOT.length) : undefined;
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(entry, files.map((file) => `import "file://${ROOT}${file}";`).join("\n"));
    const { stdout } = await deno("info", "--json", "--config", `${ROOT}deno.json`, entry);
    const graph: ModuleGraph = JSON.parse(stdout);
    for (const module of graph.modules) {
      const from = local(module.specifier);
      if (from === undefined) continue;
      for (const dependency of module.dependencies ?? []) {
        const to = local(dependency.code?.specifier ?? dependency.type?.specifier);
        if (to !== undefined) {
          // A type import of the same file elsewhere in it takes nothing back.
          const typeOnly = dependency.code === undefined && imports.get(`${from} ${to}`)?.typeOnly !== false;
          imports.set(`${from} ${to}`, { from, to, typeOnly });
        } else {
          const wrong = checkPackage(from, dependency.specifier);
          if (wrong) problems.push(`${from}: ${wrong}`);
        }
      }
    }
  } finally {
    await Deno.remove(entry);
  }
  return { imports: [...imports.values()], problems };
}

async function checkStructure(files: readonly string[]): Promise<string[]> {
  const { imports, problems } = await importGraph(files);
  for (const one of imports) {
    const wrong = checkImport(one);
    if (wrong) problems.push(`${one.from} imports ${one.to}: ${wrong}`);
  }
  for (const cycle of findCycles(imports)) problems.push(`import cycle: ${cycle.join(" -> ")}`);
  for (const file of files) {
    const wrong = checkRuntimeUse(file, await Deno.readTextFile(`${ROOT}${file}`));
    if (wrong) problems.push(`${file}: ${wrong}`);
  }
  return problems;
}

const files: string[] = [];
for (const folder of FOLDERS) for await (const file of sources(folder)) files.push(file);
let failed = false;
for (const args of [["check", "--quiet", ...files], ["fmt", "--check", "--quiet"], ["lint", "--quiet"]]) {
  if ((await deno(...args)).code !== 0) {
    console.error(`deno ${args[0]} found problems`);
    failed = true;
  }
}
if ((await deno("run", "-A", "-q", `${ROOT}scripts/docs.ts`, "--check")).code !== 0) failed = true;
for (const problem of await checkStructure(files)) {
  console.error(problem);
  failed = true;
}
if (failed) Deno.exit(1);
console.log(`${files.length} files checked: types, format, lint, layers, cycles, README`);
