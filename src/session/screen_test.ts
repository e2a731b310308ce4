import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Terminal } from "@xterm/headless/lib-headless/xterm-headless.mjs";
import { OutputTail } from "./output_tail.ts";
import { drawScreen } from "./screen.ts";

Deno.test("a newcomer's cursor is where it is on the session's screen, also above a full last line", async () => {
  const size = { columns: 20, rows: 4 };
  const tail = new OutputTail();
  tail.push(new TextEncoder().encode(`\x1b[4;1H${"x".repeat(20)}\x1b[2;1Hready> `));
  const newcomer = new Terminal({ cols: size.columns, rows: size.rows, allowProposedApi: true });
  const screen = await drawScreen(tail, size);
  await new Promise<void>((drawn) => newcomer.write(screen, drawn));
  const { cursorX, cursorY } = newcomer.buffer.active;
  assertEquals([cursorX, cursorY], [7, 1]);
  newcomer.dispose();
});

Deno.test("a newcomer to a terminal of absurd size costs no more than one to a large one", async () => {
  const tail = new OutputTail();
  tail.push(new TextEncoder().encode("ready> "));
  for (const size of [{ columns: 4096, rows: 4096 }, { columns: 1, rows: 4096 }]) {
    const before = Deno.memoryUsage().rss;
    const screens = await Promise.all(Array.from({ length: 8 }, () => drawScreen(tail, size)));
    const grown = Deno.memoryUsage().rss - before;
    assert(grown < 300 * 2 ** 20, `${grown} bytes for ${size.columns}x${size.rows}`);
    for (const screen of screens) assertStringIncludes(new TextDecoder().decode(screen), "r");
  }
});
