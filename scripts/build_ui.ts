/**
 * Builds the web interface: bundles `src/ui` for browsers and packs the files, compressed and named after their
 * content, into `dist/ui.json`, which the daemon hands to its proxy. Does nothing when the sources are as they were.
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { iconSvg } from "../src/proxy/web/assets/icon_svg.ts";
import type { UiBundle, UiFile } from "../src/proxy/web/ui_bundle.ts";

const ROOT = new URL("../", import.meta.url).pathname.replace(/\/$/, "");

/** Where the daemon looks when it runs from the sources. */
export const UI_FILE = `${ROOT}/dist/ui.json`;

/** What the result depends on. */
const SOURCES = ["src/ui", "src/model", "src/base", "deno.json", "scripts/build_ui.ts"];

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** A bundle as it lies on disk; the daemon reads past `sources`. */
interface StoredBundle extends UiBundle {
  /** Names the state of the sources. */
  sources: string;
}

/** Brings {@linkcode UI_FILE} up to date. */
export async function buildUi(): Promise<void> {
  const sources = await sourcesDigest();
  if (await builtFrom() === sources) return;
  const work = await Deno.makeTempDir();
  try {
    await bundle(work);
    const stored: StoredBundle = { sources, ...await pack(work) };
    await Deno.mkdir(`${ROOT}/dist`, { recursive: true });
    // Whole or not at all: a daemon may start meanwhile.
    await Deno.writeTextFile(`${UI_FILE}.${Deno.pid}`, JSON.stringify(stored));
    await Deno.rename(`${UI_FILE}.${Deno.pid}`, UI_FILE);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function builtFrom(): Promise<string | undefined> {
  try {
    const stored: Partial<StoredBundle> = JSON.parse(await Deno.readTextFile(UI_FILE));
    return stored.sources;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function* filesBelow(path: string): AsyncGenerator<string> {
  if (!(await Deno.stat(`${ROOT}/${path}`)).isDirectory) return yield path;
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}/${path}`)) {
    if (isDirectory) yield* filesBelow(`${path}/${name}`);
    else if (!/_test\.tsx?$/.test(name)) yield `${path}/${name}`;
  }
}

async function sourcesDigest(): Promise<string> {
  const files: string[] = [];
  for (const source of SOURCES) for await (const file of filesBelow(source)) files.push(file);
  const hash = createHash("sha256").update(iconSvg);
  for (const file of files.sort()) hash.update(`${file}\n`).update(await Deno.readFile(`${ROOT}/${file}`));
  return hash.digest("hex");
}

async function bundle(directory: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "src/ui/main.tsx",
      "--platform=browser",
      "--code-splitting",
      "--minify",
      `--outdir=${directory}`,
    ],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`the web interface was not built: ${new TextDecoder().decode(stderr)}`);
}

async function pack(directory: string): Promise<UiBundle> {
  const files: Record<string, UiFile> = {};
  const add = (name: string, content: Uint8Array) => {
    const ending = name.slice(name.lastIndexOf(".") + 1);
    const type = TYPES[ending];
    if (type === undefined) throw new Error(`the web interface has a file of an unknown type: ${name}`);
    files[name] = { type, gzip: gzipSync(content, { level: 9 }).toString("base64") };
    return `/web/assets/${name}`;
  };
  const entries: Record<string, string> = {
    ICON: add(hashed("icon.svg", iconSvg), new TextEncoder().encode(iconSvg)),
  };
  for await (const { name } of Deno.readDir(directory)) {
    const content = await Deno.readFile(`${directory}/${name}`);
    if (new TextDecoder().decode(content).includes("./main.js")) throw new Error(`${name} imports the entry`);
    // Parts name each other by what the bundler called them, which has a hash already.
    if (name === "main.js") entries.SCRIPT = add(hashed(name, content), content);
    else if (name === "main.css") entries.STYLE = add(hashed(name, content), content);
    else add(name, content);
  }
  const template = await Deno.readTextFile(`${ROOT}/src/ui/index.html`);
  const index = template.replaceAll(/%([A-Z]+)%/g, (whole, key: string) => entries[key] ?? whole);
  return { index, files };
}

function hashed(name: string, content: string | Uint8Array): string {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 12);
  return name.replace(/\.(\w+)$/, `.${digest}.$1`);
}

if (import.meta.main) await buildUi();
