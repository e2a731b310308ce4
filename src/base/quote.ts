/**
 * Text from outside as it may stand in an error message: quoted, cut, and without control characters.
 * @module
 */

const LONGEST = 80;

/** `text` in double quotes, at most 80 characters of it, control and direction marks as `\u` escapes. */
export function quote(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return escapeControls(JSON.stringify(cut));
}

/** `text` with every control, direction and line-separator character replaced by its `\u` escape. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029\p{Cs}]/gu,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
