/**
 * Bytes as lines of hexadecimal digits.
 * @module
 */

const LINE = 32;

export function encodeHex(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE) {
    const digits = Array.from(bytes.subarray(at, at + LINE), (byte) => byte.toString(16).padStart(2, "0"));
    lines.push(digits.join(""));
  }
  return `${lines.join("\n")}\n`;
}

export function decodeHex(text: string): Uint8Array {
  const digits = text.replace(/\s/g, "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}
