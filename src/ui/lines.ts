/**
 * Lines of an answer that goes on.
 * @module
 */

/** The longest line that is believed to be one. */
const MAX_LINE = 256 * 1024;

/**
 * The lines of a stream as they come. Ends with the stream, with `signal`, or when nothing came for `silenceMs`.
 * @throws {Error} when a line is too long
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
  silenceMs: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => void reader.cancel();
  signal.addEventListener("abort", stop, { once: true });
  let rest = "";
  try {
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(stop, silenceMs);
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > MAX_LINE) throw new Error("the server sent a line without an end");
      yield* lines;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    await reader.cancel();
  }
}
