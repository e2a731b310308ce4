/**
 * Texts of a peer that people will read: reasons, messages.
 * @module
 */

const MAX_TEXT = 1000;

/** The text without anything that a terminal or a log would act on. */
export function peerText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_TEXT));
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
}
