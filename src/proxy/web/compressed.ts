/**
 * Long answers of text, compressed for browsers that take it.
 * @module
 */
import type { WebContext } from "./context.ts";

/** @param headers of the answer */
export function compressed(
  c: WebContext,
  body: ReadableStream<Uint8Array>,
  headers: Record<string, string>,
): Response {
  if (!/\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:[,\s]|$))/.test(c.req.header("accept-encoding") ?? "")) {
    return c.body(body, 200, headers);
  }
  const smaller = body.pipeThrough(
    new CompressionStream("gzip") as ReadableWritablePair<Uint8Array, Uint8Array>,
  );
  return c.body(smaller, 200, { ...headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding" });
}
