/**
 * Names of files that come from the other side of a transfer. Only a plain name is ever put behind a folder of ours:
 * everything else could lead out of it (CVE-2018-20685, CVE-2019-6111).
 * @module
 */

const SLASH = 0x2f, DOT = 0x2e;

/** False for an empty name, `.`, `..` and whatever holds a slash or a NUL. */
export function isPlainName(name: Uint8Array): boolean {
  if (name.length === 0 || name.includes(SLASH) || name.includes(0)) return false;
  return name.length > 2 || name.some((byte) => byte !== DOT);
}

/** What a terminal acts on: control characters, line separators, marks that turn the direction of writing. */
// deno-lint-ignore no-control-regex
const ACTING = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A name or message of the other side, safe for a terminal: control characters are written as `\x1b`. */
export function shownName(text: string): string {
  return text.replace(ACTING, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}
