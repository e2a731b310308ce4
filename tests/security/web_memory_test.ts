/**
 * Browsers that ask for much and take none of it: what waits for them in the proxy stays bounded.
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { TERMINAL_WINDOW } from "../../src/model/web.ts";
import { Daemon } from "../kit/cluster.ts";
import { residentBytes } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { WebBrowser } from "../kit/web_browser.ts";
import { WebTerminalClient } from "../kit/web_terminal.ts";

const LOGIN = Deno.env.get("USER") ?? "root";
const MIB = 2 ** 20;
const TERMINALS = 10;
/** Of each: what the browser may be behind, what the connection's window holds, and what garbage is around. */
const MAX_OF_EACH = 8 * MIB;
const STILL_MS = 1000;

const memoryOf = async (daemon: Daemon): Promise<number> => await residentBytes(await daemon.pid());

/** Waits until a number does not change any more, which it must do below `most`. */
async function settled(value: () => number, most: number): Promise<number> {
  for (let last = -1;;) {
    const now = value();
    assertLess(now, most);
    if (now === last) return now;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
  }
}

Deno.test("a browser that takes no output costs a window of memory and no more", async (t) => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  const browser = await WebBrowser.signedIn(daemon, joe);
  const node = (await browser.ask("GET", "/v1/webapi/sites/-current-/nodes")).json.items[0].id;
  const flood = async (drawsNothing: boolean) => {
    const terminal = await WebTerminalClient.open(browser, node, LOGIN, { drawsNothing });
    await terminal.notice("ready");
    return terminal;
  };
  const ends = async (terminal: WebTerminalClient) => {
    terminal.socket.terminate();
    await terminal.closed();
  };
  // The same flood, read: what it leaves to the garbage collector counts for nobody.
  const readers = await Promise.all(Array.from({ length: TERMINALS }, () => flood(false)));
  for (const reader of readers) reader.type("yes | head -c 10000000; echo; echo do''ne\r");
  await Promise.all(readers.map((reader) => reader.shows("done")));
  for (const reader of readers) await ends(reader);

  await t.step("one that reads and draws nothing gets the window", async () => {
    const terminal = await flood(true);
    terminal.type("yes\r");
    const bytes = await settled(() => terminal.bytes, TERMINAL_WINDOW + 256 * 1024);
    assert(bytes >= TERMINAL_WINDOW, `${bytes}`);
    terminal.send({ type: "drawn", bytes: 100_000 });
    await eventually("more", () => terminal.bytes > bytes);
    await settled(() => terminal.bytes, TERMINAL_WINDOW + 100_000 + 256 * 1024);
    terminal.send({ type: "drawn", bytes: 10 * MIB });
    assertEquals(await terminal.closed(), 4400, "more than was sent cannot have been drawn");
  });

  await t.step("those that stop reading do not grow the server's memory", async () => {
    const before = await memoryOf(daemon);
    const terminals = await Promise.all(Array.from({ length: TERMINALS }, () => flood(true)));
    for (const terminal of terminals) {
      terminal.type("yes\r");
      terminal.socket.pause();
    }
    let most = 0;
    for (let round = 0; round < 10; round++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      most = Math.max(most, await memoryOf(daemon) - before);
    }
    console.log(`memory +${(most / MIB).toFixed(1)} MiB for ${TERMINALS} terminals`);
    assertLess(most, TERMINALS * MAX_OF_EACH);
    for (const terminal of terminals) {
      terminal.socket.resume();
      await ends(terminal);
    }
  });

  await t.step(
    "one that says it has drawn what it never read is held by the network, or let go",
    async () => {
      const before = await memoryOf(daemon);
      const terminal = await flood(true);
      terminal.type("yes\r");
      await eventually("output", () => terminal.bytes >= TERMINAL_WINDOW);
      terminal.socket.pause();
      for (let sent = 0; sent < 64 * MIB && terminal.closeCode === undefined; sent += 16 * 1024) {
        terminal.send({ type: "drawn", bytes: 16 * 1024 });
        if (sent % MIB === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const growth = await memoryOf(daemon) - before;
      assertLess(growth, 40 * MIB);
      terminal.socket.resume();
      terminal.socket.terminate();
    },
  );
});
