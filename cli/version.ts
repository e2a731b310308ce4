/**
 * `version`, the same for all three tools.
 * @module
 */
import { VERSION } from "../src/model/version.ts";
import { print } from "./program.ts";

export function printVersion(): void {
  print(`Teleport v${VERSION} deno:${Deno.version.deno}\n`);
}
