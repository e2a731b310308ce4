/**
 * `version`, the same for all three tools.
 * @module
 */
import { VERSION } from "../src/model/version.ts";
import { print } from "./program.ts";

export function versionText(): string {
  return `Teleport v${VERSION} deno:${Deno.version.deno}`;
}

export function printVersion(): void {
  print(`${versionText()}\n`);
}
