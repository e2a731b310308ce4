import { assertEquals } from "@std/assert";
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
