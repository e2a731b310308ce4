/**
 * Other versions of the program, for tests of upgrades.
 * @module
 */
import { callWeb } from "../../cli/tsh/web.ts";
import { VERSION } from "../../src/model/version.ts";
import { ROOT, run } from "./run.ts";

/** This build's version, so many minor and patch versions on. */
export function later(minor: number, patch: number): string {
  const [major = 0, own = 0, fix = 0] = VERSION.split(/[.-]/).map(Number);
  return [major, own + minor, fix + patch].join(".");
}

/** What a proxy says of its version at this port of its web interface. */
export async function versionAt(port: number | undefined): Promise<string> {
  const proxy = { host: "127.0.0.1", port: port ?? 0, insecure: true };
  return (await callWeb<{ server_version: string }>(proxy, "GET", "/webapi/ping")).server_version;
}

/** Copies the sources there, under another version. @returns a program that runs them */
export async function otherVersion(version: string, directory: string): Promise<string> {
  const sources = ["deno.json", "deno.lock", "main.ts", "cli", "src"].map((name) => `${ROOT}/${name}`);
  const { code, stderr } = await run("cp", ["-r", ...sources, directory]);
  if (code !== 0) throw new Error(`the sources cannot be copied: ${stderr}`);
  const config = `${directory}/deno.json`;
  const text = await Deno.readTextFile(config);
  await Deno.writeTextFile(config, text.replace(`"version": "${VERSION}"`, `"version": "${version}"`));
  const program = `${directory}/program`;
  const command = `"${Deno.execPath()}" run -A -q --no-lock --config="${config}" "${directory}/main.ts"`;
  await Deno.writeTextFile(program, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  return program;
}
