import { createHash } from "node:crypto";
import { once } from "node:events";
import { setImmediate } from "node:timers";
import { assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import { LEND } from "../../base/lending.ts";
import { TerminalStream } from "./terminal_stream.ts";
import { libc } from "./libc.ts";
import { openPty } from "./pty.ts";
import { isGone, openDescriptors, startOnPty, until } from "./test_kit.ts";
import { currentUser } from "./user.ts";

const MiB = 1024 * 1024;
const me = currentUser();
const x86 = Deno.build.arch === "x86_64";
if (!x86) console.log("no x86-64: terminals are read without a pump, its tests are skipped");

/** The pumps that this process has started and that run. */
function pumps(): number[] {
  const children = [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) =>
    Deno.readTextFileSync(`/proc/self/task/${name}/children`).trim().split(" ").filter(Boolean)
  );
  return children.map(Number).filter((pid) => !isGone(pid) && commandOf(pid) === "teleport-pty");
}

function commandOf(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
}

/** Counts what comes out of a terminal. Pumps of tests before have gone. */
async function flood(script: string) {
  await until("earlier pumps are gone", () => pumps().length === 0);
  const { child, output } = startOnPty(me, `stty raw -echo; ${script}`);
  const seen = { length: 0, hash: createHash("md5") };
  child.terminal.removeAllListeners("data");
  child.terminal.on("data", (piece: Uint8Array) => {
    seen.length += piece.length;
    seen.hash.update(piece);
  });
  return { child, ended: output.ended, seen };
}

function say(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  assertEquals(libc().write(fd, bytes, BigInt(bytes.length)), bytes.length);
}

Deno.test("a terminal that is let go while its reader is busy still ends", async () => {
  const pty = openPty();
  const stream = new TerminalStream(pty.master);
  let got = 0;
  // What comes last comes together with the sign that nobody holds the terminal, and the reader says: not now.
  const more = stream[LEND]((piece) => {
    got += piece.length;
    return false;
  });
  const ended = new Promise<string>((resolve) => stream.once("end", () => resolve("ended")));
  stream.on("data", () => {});
  await new Promise((flowing) => setImmediate(flowing));
  say(pty.slave, "last words");
  libc().close(pty.slave);
  more();
  assertEquals(got, 10);

  // Once another terminal was heard, all that the kernel has told of the first one is dealt with.
  const other = openPty();
  const heard = new TerminalStream(other.master);
  say(other.slave, "x");
  await once(heard, "data");
  libc().close(other.slave);
  heard.destroy();

  stream.endAfterDrain();
  more();
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve("it hangs"), 5000);
  assertEquals(await Promise.race([ended, late.promise]), "ended");
  clearTimeout(timer);
});

Deno.test({
  name: "a flood goes through a pump, unchanged, and nothing stays behind",
  ignore: !x86,
  fn: async () => {
    await startOnPty(me, "true").output.ended; // what is opened once is open now
    const before = openDescriptors();
    const lines = 2_000_000;
    const { child, ended, seen } = await flood(`seq ${lines}`);
    await until("a pump runs", () => pumps().length === 1);
    assertEquals(await child.exit, { code: 0 });
    await ended;
    const expected = createHash("md5");
    for (let from = 1; from <= lines; from += 1000) {
      expected.update(Array.from({ length: 1000 }, (_, index) => `${from + index}\n`).join(""));
    }
    assertEquals(seen.hash.digest("hex"), expected.digest("hex"));
    await until("the pump is gone", () => pumps().length === 0);
    await until("nothing is left open", () => openDescriptors() === before);
  },
});

Deno.test({
  name: "when a terminal is quiet again its pump goes, and a new flood has a new one",
  ignore: !x86,
  fn: async () => {
    const part = `head -c ${4 * MiB} /dev/zero`;
    const { child, ended, seen } = await flood(
      `${part}; for i in 1 2; do read -n 1 x; printf a; done; read -n 1 x; ${part}`,
    );
    await until("the first flood is over", () => seen.length === 4 * MiB);
    const [first = -1] = pumps();
    assertNotEquals(first, -1);
    for (let more = 1; more <= 2; more++) {
      await new Promise((quiet) => setTimeout(quiet, 1100)); // little in more than a second is what makes it quiet
      child.terminal.write("x");
      await until("an answer comes", () => seen.length === 4 * MiB + more);
    }
    await until("the pump is gone", () => isGone(first));
    child.terminal.write("x");
    await until("there is another", () => pumps().length === 1);
    child.terminal.write("x");
    assertEquals(await child.exit, { code: 0 });
    await ended;
    assertEquals(seen.length, 8 * MiB + 2);
  },
});

Deno.test({
  name: "a killed pump is done without",
  ignore: !x86,
  fn: async () => {
    const { child, ended, seen } = await flood("cat /dev/zero");
    await until("a pump runs", () => pumps().length === 1);
    for (const pid of pumps()) Deno.kill(pid, "SIGKILL");
    const then = seen.length;
    await until("the flood goes on", () => seen.length > then + 8 * MiB);
    child.signal("KILL");
    await ended;
  },
});

Deno.test({
  name: "a background job that writes without end holds neither the session nor its pump",
  ignore: !x86,
  fn: async () => {
    const { child, ended, seen } = await flood("trap '' HUP; cat /dev/zero & read -n 1 x; exit 7");
    await until("a pump runs", () => pumps().length === 1);
    child.terminal.write("x");
    assertEquals(await child.exit, { code: 7 });
    await ended;
    assertGreater(seen.length, 0);
    await until("the pump is gone", () => pumps().length === 0);
    child.killSession();
  },
});

Deno.test({
  name: "a viewer who stalls in a flood stops the program, and its going hangs the terminal up",
  ignore: !x86,
  fn: async () => {
    const { child, ended, seen } = await flood("cat /dev/zero");
    await until("a pump runs", () => pumps().length === 1);
    child.terminal.pause();
    const written = () => Number(/wchar: (\d+)/.exec(Deno.readTextFileSync(`/proc/${child.pid}/io`))?.[1]);
    let last = -1;
    let still = 0;
    await until("the writer stands", () => {
      still = written() === last ? still + 1 : 0;
      last = written();
      return still > 20;
    });
    assertGreater(seen.length, 0);
    assertEquals(child.terminal.readableLength <= MiB, true, String(child.terminal.readableLength));
    child.terminal.destroy();
    assertNotEquals(await child.exit, { code: 0 });
    await ended;
    await until("the pump is gone", () => pumps().length === 0);
  },
});
