import { once } from "node:events";
import { setImmediate } from "node:timers";
import { assertEquals } from "@std/assert";
import { LEND } from "../../base/lending.ts";
import { FdStream } from "./fd_stream.ts";
import { libc } from "./libc.ts";
import { openPty } from "./pty.ts";

function say(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  assertEquals(libc().write(fd, bytes, BigInt(bytes.length)), bytes.length);
}

Deno.test("a terminal that is let go while its reader is busy still ends", async () => {
  const pty = openPty();
  const stream = new FdStream(pty.master, "both");
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
  const heard = new FdStream(other.master, "both");
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
