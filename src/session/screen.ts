/**
 * The screen of a running session as somebody who comes to it is to see it: the last of its output is drawn on a terminal
 * in memory, and what then stands there is written anew. The emulator is loaded when the first one joins.
 * @module
 */
import type { OutputTail } from "./output_tail.ts";
import type { TerminalSize } from "./reader.ts";

type Headless = typeof import("@xterm/headless");
type Serialize = typeof import("@xterm/addon-serialize");

/** Lines above the screen that a newcomer gets as well. */
const HISTORY = 100;

/**
 * The cells of a screen that are drawn: more than a wall of monitors shows. Clients may ask for terminals that are much
 * larger, and this process would pay for each newcomer with their memory and a second of its time.
 */
const MAX_CELLS = 256 * 1024;

/** Whatever the terminal shows: the usual screen, plain writing, nothing on it. */
const BLANK = "\x1b[!p\x1b[?1049l\x1b[0m\x1b[H\x1b[2J";

/**
 * Writes a session's screen as it is when this is called.
 * @param size of the terminal that the session runs on
 */
export async function drawScreen(tail: OutputTail, size: TerminalSize): Promise<Uint8Array> {
  const { columns } = size;
  const rows = Math.min(size.rows, Math.max(1, Math.floor(MAX_CELLS / columns)));
  const [before, bytes, now] = [tail.modesBefore(), tail.bytes(), tail.modes().sequenceOnScreen()];
  const { Terminal, SerializeAddon } = await emulator();
  const terminal = new Terminal({ cols: columns, rows, scrollback: HISTORY, allowProposedApi: true });
  try {
    const serializer = new SerializeAddon();
    terminal.loadAddon(serializer);
    await new Promise<void>((drawn) => {
      terminal.write(before);
      terminal.write(bytes, drawn);
    });
    const screen = serializer.serialize({ scrollback: HISTORY }) +
      cursorPlace(terminal.buffer.active, columns);
    return new TextEncoder().encode(BLANK + screen + now);
  } finally {
    terminal.dispose();
  }
}

/**
 * Puts the cursor where it is. The serializer counts from the end of the last line and is off by one where that line is
 * full, because the cursor then waits on its last column.
 */
function cursorPlace({ cursorX, cursorY }: { cursorX: number; cursorY: number }, columns: number): string {
  return cursorX < columns ? `\x1b[${cursorY + 1};${cursorX + 1}H` : "";
}

/** Named by file: the bundler does not find the package's main module. */
async function emulator(): Promise<Pick<Headless, "Terminal"> & Pick<Serialize, "SerializeAddon">> {
  const [{ Terminal }, { SerializeAddon }] = await Promise.all([
    import("@xterm/headless/lib-headless/xterm-headless.mjs") as Promise<Headless>,
    import("@xterm/addon-serialize/lib/addon-serialize.mjs") as Promise<Serialize>,
  ]);
  return { Terminal, SerializeAddon };
}
