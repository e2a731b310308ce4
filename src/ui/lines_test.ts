import { assertEquals, assertRejects } from "@std/assert";
import { readLines } from "./lines.ts";

function stream(parts: string[], ends = true): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      if (ends) controller.close();
    },
  });
}

async function all(lines: AsyncGenerator<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

Deno.test("lines are put together out of pieces, and what has no end is not one", async () => {
  const { signal } = new AbortController();
  assertEquals(await all(readLines(stream(['{"a":', "1}\n\n", "{}\nrest"]), 1000, signal)), [
    '{"a":1}',
    "",
    "{}",
  ]);
});

Deno.test("a stream that says nothing is given up, and one without lines is refused", async () => {
  const { signal } = new AbortController();
  assertEquals(await all(readLines(stream(["one\n"], false), 20, signal)), ["one"]);
  await assertRejects(
    () => all(readLines(stream(["x".repeat(300_000)]), 1000, signal)),
    Error,
    "without an end",
  );
});

Deno.test("reading ends when its page does", async () => {
  const gone = new AbortController();
  const lines = readLines(stream(["one\n"], false), 60_000, gone.signal);
  assertEquals(await lines.next(), { value: "one", done: false });
  const next = lines.next();
  gone.abort();
  assertEquals(await next, { value: undefined, done: true });
});
