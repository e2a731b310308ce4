/**
 * `deno task build`: one executable, `dist/teleport`, that holds the runtime, all roles, all tools and the store.
 *
 * Where the runtime's compile base can be had (`deno compile` downloads it, or DENORT_BIN names it) that is a compiled
 * binary. Elsewhere it is a self-extracting file: a shell script followed by an archive of this very runtime and the
 * bundled program. It unpacks once into the user's cache folder and starts in a few milliseconds from then on.
 *
 * `--release` packs it with an installer and the systemd unit into `dist/teleport-VERSION-SYSTEM.tar.gz`; `--out DIR`
 * builds elsewhere than in `dist`.
 * @module
 */
import { buildUi, UI_FILE } from "./build_ui.ts";
import { deferImports } from "./deferred_imports.ts";
import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url).pathname.replace(/\/$/, "");
const OUT = "--out=";
const DIST = Deno.args.find((word) => word.startsWith(OUT))?.slice(OUT.length) ?? `${ROOT}/dist`;
const WORKERS = ["auth", "proxy", "node", "diagnostics", "outbound"].map((role) =>
  `src/daemon/workers/${role}.ts`
);
const PARTS = ["cli/teleport/sftp_server.ts", "cli/teleport/pam_session.ts"];

async function run(command: string, args: string[], quiet = false): Promise<boolean> {
  const output = quiet ? "null" : "inherit";
  const child = new Deno.Command(command, { args, cwd: ROOT, stdout: output, stderr: output }).spawn();
  return (await child.status).success;
}

/** A compiled binary starts its own code; the plain runtime in its place would not know our commands. */
async function compile(target: string): Promise<boolean> {
  const include = [...WORKERS, "dist/ui.json"].map((file) => `--include=${file}`);
  const done = await run(Deno.execPath(), [
    "compile",
    "-A",
    "--quiet",
    `--output=${target}`,
    ...include,
    "main.ts",
  ], true);
  return done && await run(target, ["version"], true);
}

/** ssh2 and its helpers look for these names of CommonJS, which a bundle does not have. */
const GLOBALS = `globalThis.__dirname ??= "/";\nglobalThis.__filename ??= "/bundle.js";\n`;

async function bundle(directory: string): Promise<void> {
  const externals = ["--external=cpu-features", "--external=*.node"];
  const done = await run(
    Deno.execPath(),
    [
      "bundle",
      "main.ts",
      ...WORKERS,
      "--platform=deno",
      "--code-splitting",
      `--outdir=${directory}`,
      "--minify",
      ...externals,
    ],
    true,
  );
  if (!done) throw new Error("deno bundle failed: run it by hand to see why");
  if (!await bundleParts(directory)) {
    throw new Error("deno bundle failed on a part: run it by hand to see why");
  }
  await deferTools(directory);
  await Deno.copyFile(UI_FILE, `${directory}/ui.json`);
  await Deno.writeTextFile(`${directory}/globals.js`, GLOBALS);
  for (const file of ["main.js", ...WORKERS.map((path) => path.replace(/\.ts$/, ".js"))]) {
    const up = "../".repeat(file.split("/").length - 1) || "./";
    const text = await Deno.readTextFile(`${directory}/${file}`);
    // Imports run in order: the globals are there before anything that needs them.
    await Deno.writeTextFile(`${directory}/${file}`, `import "${up}globals.js";\n${text}`);
  }
}

async function deferTools(directory: string): Promise<void> {
  const files = new Map<string, string>();
  for await (const { name, isFile } of Deno.readDir(directory)) {
    if (isFile) files.set(name, await Deno.readTextFile(`${directory}/${name}`));
  }
  const workers = WORKERS.map((path) => path.replace(/\.ts$/, ".js"));
  for (const path of workers) files.set(path, await Deno.readTextFile(`${directory}/${path}`));
  for (const [path, text] of deferImports(files, workers)) {
    await Deno.writeTextFile(`${directory}/${path}`, text);
  }
}

/** Parts that run by themselves are each one file, so that they load nothing else. */
async function bundleParts(directory: string): Promise<boolean> {
  for (const part of PARTS) {
    const output = `${directory}/${part.replace(/\.ts$/, ".js")}`;
    const args = ["bundle", part, "--platform=deno", `--output=${output}`, "--minify"];
    if (!await run(Deno.execPath(), args, true)) return false;
  }
  return true;
}

function stub(hash: string, lines: number): string {
  return `#!/bin/sh
# Teleport: a script and an archive in one file. Unpacks itself once per user, then runs.
set -e
cache="\${TELEPORT_RUNTIME_DIR:-\${XDG_CACHE_HOME:-\${HOME:-/var/cache}/.cache}/teleport}"
# Users of services have no home to write to. A folder that somebody else has made could hold anything.
if ! (umask 077; mkdir -p "$cache" 2>/dev/null); then
  cache="\${TMPDIR:-/tmp}/teleport-$(id -u)"
  mkdir -m 700 "$cache" 2>/dev/null || true
  if [ -L "$cache" ] || [ ! -O "$cache" ]; then
    echo "teleport: nothing can be kept in $cache: name a folder of your own in TELEPORT_RUNTIME_DIR" >&2
    exit 1
  fi
fi
run="$cache/${hash}"
if [ ! -f "$run/complete" ]; then (
  umask 077 # not for what the program writes afterwards
  new="$run.$$"
  mkdir "$new"
  tail -n +${lines} "$0" | tar -xz -C "$new" || { echo "teleport: cannot unpack into $cache" >&2; exit 1; }
  : > "$new/complete"
  mv -T "$new" "$run" 2>/dev/null || rm -rf "$new"
  # What the modules ask for is found out here: a daemon that has to would keep the memory for it (some 80 MB).
  DENO_DIR="$run/cache" find "$run/app" -name "*.js" -exec "$run/deno" cache -q --no-lock --no-config --no-remote \\
    --unstable-kv {} + > /dev/null 2>&1 || :
) fi
TELEPORT_PROGRAM="$0" TELEPORT_CALLED_AS="\${0##*/}" DENO_NO_UPDATE_CHECK=1 DENO_DIR="$run/cache" exec "$run/deno" run -A -q --no-lock --no-config --no-remote \\
  --unstable-kv --unstable-worker-options "$run/app/main.js" "$@"
`;
}

async function selfExtracting(target: string): Promise<void> {
  const work = await Deno.makeTempDir();
  try {
    await bundle(`${work}/app`);
    await Deno.copyFile(Deno.execPath(), `${work}/deno`);
    await Deno.chmod(`${work}/deno`, 0o755);
    const archive = `${DIST}/teleport.tar.gz`;
    if (!await run("tar", ["-czf", archive, "-C", work, "deno", "app"])) throw new Error("tar failed");
    const bytes = await Deno.readFile(archive);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hash = [...digest.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const lines = stub(hash, 0).split("\n").length;
    await Deno.writeTextFile(target, stub(hash, lines));
    await Deno.writeFile(target, bytes, { append: true });
    await Deno.chmod(target, 0o755);
    await Deno.remove(archive);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

const target = `${DIST}/teleport`;
await Deno.mkdir(DIST, { recursive: true });
await buildUi();
await Deno.remove(target).catch((error) => {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
});
const compiled = await compile(target);
if (!compiled) {
  console.log("the compile base of this runtime cannot be had here: making a self-extracting file instead");
  await selfExtracting(target);
}
const { size } = await Deno.stat(target);
console.log(
  `${target}: ${compiled ? "compiled" : "self-extracting"}, ${(size / 1e6).toFixed(0)} MB`,
);
for (const name of ["tctl", "tsh"]) {
  await Deno.remove(`${DIST}/${name}`).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.symlink("teleport", `${DIST}/${name}`);
}
if (Deno.args.includes("--release")) await release();

/** One folder in an archive: the program, its links, an installer for people and for make, the systemd unit. */
async function release(): Promise<void> {
  const name = `teleport-v${config.version}-${Deno.build.os}-${Deno.build.arch}`;
  const work = await Deno.makeTempDir();
  try {
    const folder = `${work}/${name}`;
    await Deno.mkdir(folder);
    const files = [
      target,
      `${ROOT}/scripts/release/install`,
      `${ROOT}/scripts/release/Makefile`,
      `${ROOT}/scripts/teleport.service`,
      `${ROOT}/README.md`,
      `${ROOT}/LICENSE`,
    ];
    for (const file of files) await Deno.copyFile(file, `${folder}/${file.slice(file.lastIndexOf("/") + 1)}`);
    for (const tool of ["tctl", "tsh"]) await Deno.symlink("teleport", `${folder}/${tool}`);
    const archive = `${DIST}/${name}.tar.gz`;
    const owner = ["--owner=0", "--group=0"];
    if (!await run("tar", ["-czf", archive, ...owner, "-C", work, name])) throw new Error("tar failed");
    console.log(archive);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
