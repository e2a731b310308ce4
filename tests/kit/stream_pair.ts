/**
 * What tests read from streams.
 * @module
 */
import type { Duplex } from "node:stream";

export { streamPair } from "../../src/base/stream_pair.ts";

/** Everything up to the end; unlike iteration, it leaves the other direction open. */
export function textOf(stream: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    stream.on("data", (chunk) => text += chunk);
    stream.once("end", () => resolve(text));
    stream.once("error", reject);
    stream.once("close", () => reject(new Error(`broken after "${text.slice(0, 100)}"`)));
  });
}
