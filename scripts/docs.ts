/**
 * `deno task docs`: writes what is made from the code into README.md: the configuration's keys and the flags of
 * `teleport start`. With `--check` it only says whether the README is up to date.
 * @module
 */
import { startCommand } from "../cli/teleport/start.ts";
import { configTables, table } from "../src/daemon/config/reference.ts";

const README = new URL("../README.md", import.meta.url);

/** What stands between `<!-- NAME -->` and `<!-- end of NAME -->`. */
const PARTS: Readonly<Record<string, () => string>> = {
  "configuration keys": configTables,
  "flags of teleport start": startFlags,
};

function startFlags(): string {
  const shown = startCommand().options.filter(({ hidden }) => !hidden);
  const rows = shown.map(({ flags, description }) => [`\`${flags}\``, description ?? ""]);
  return table(["Flag of `teleport start`", "Meaning"], rows);
}

/** The README with every part made anew. @throws {Error} when a marker is missing */
export function withParts(readme: string): string {
  return Object.entries(PARTS).reduce((text, [name, make]) => {
    const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`README.md has no lines "${start}" and "${end}"`);
    return `${text.slice(0, from)}${start}\n${make()}\n${text.slice(to)}`;
  }, readme);
}

if (import.meta.main) {
  const readme = await Deno.readTextFile(README);
  const made = withParts(readme);
  if (Deno.args.includes("--check")) {
    if (made !== readme) {
      console.error("README.md is out of date: run deno task docs");
      Deno.exit(1);
    }
  } else {
    await Deno.writeTextFile(README, made);
  }
}
