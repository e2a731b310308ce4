/**
 * Inputs that once found something, kept as small text files of hexadecimal digits.
 * @module
 */
import { decodeHex, encodeHex } from "./hex.ts";

const FOLDER = new URL("./corpus/", import.meta.url).pathname;

/** All inputs of a target, by file name. */
export async function readCorpus(target: string): Promise<{ name: string; input: Uint8Array }[]> {
  const found: { name: string; input: Uint8Array }[] = [];
  try {
    for await (const { name } of Deno.readDir(`${FOLDER}${target}`)) {
      found.push({ name, input: decodeHex(await Deno.readTextFile(`${FOLDER}${target}/${name}`)) });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // nothing was found there yet
  }
  return found.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** @returns the file */
export async function keep(target: string, input: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", input.slice());
  const name = `${encodeHex(new Uint8Array(digest).subarray(0, 6)).trim()}.hex`;
  await Deno.mkdir(`${FOLDER}${target}`, { recursive: true });
  await Deno.writeTextFile(`${FOLDER}${target}/${name}`, encodeHex(input));
  return `tests/fuzz/corpus/${target}/${name}`;
}
