/**
 * Texts in the cells of a terminal: letters of East Asia and emoji take two, combining marks none.
 * @module
 */

const PLAIN = /^[\x20-\x7e]*$/;

/** A measure for these texts. What it takes to measure others than plain ones is loaded when there is one. */
export async function measureOf(texts: readonly string[]): Promise<(text: string) => number> {
  if (texts.every((text) => PLAIN.test(text))) return (text) => text.length;
  return (await import("string-width")).default;
}
