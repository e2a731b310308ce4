/**
 * Values in the layout the C library expects. Every block has memory of its own outside the JavaScript heap, so its
 * address stays true while the block is in use; a block passed to a call lives until the call returns.
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `size` zero bytes whose address does not change. */
export function block(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}

/** `text` as UTF-8 with a final NUL. The caller makes sure that it holds no NUL itself. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(text);
  const out = block(bytes.length + 1);
  out.set(bytes);
  return out;
}

/**
 * A `char *[]` ending in NULL, with the strings behind it in the same block: one object to keep alive instead of many.
 */
export function cStringList(list: readonly string[]): Uint8Array<ArrayBuffer> {
  const strings = list.map((text) => encoder.encode(text));
  const table = (strings.length + 1) * 8;
  const out = block(strings.reduce((size, bytes) => size + bytes.length + 1, table));
  const view = new DataView(out.buffer);
  const base = addressOf(out);
  let at = table;
  strings.forEach((bytes, index) => {
    view.setBigUint64(index * 8, base + BigInt(at), true);
    out.set(bytes, at);
    at += bytes.length + 1;
  });
  return out;
}

/** The text before the first NUL in `bytes`. */
export function textUntilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The C string at a pointer a library call gave; empty for NULL. */
export function textAt(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** The C string at the address stored at `offset` of `bytes`; empty for NULL. */
export function textAtAddressIn(bytes: Uint8Array<ArrayBuffer>, offset: number): string {
  const address = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true);
  return textAt(Deno.UnsafePointer.create(address));
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}
