import { assertEquals } from "@std/assert";
import { block } from "./c_memory.ts";
import { libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import { BROKEN, READABLE, watch, WRITABLE } from "./reactor.ts";

function openPipe(): [read: number, write: number] {
  const ends = block(8);
  libc().pipe2(ends, O_CLOEXEC | O_NONBLOCK);
  const view = new DataView(ends.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/** A watch whose reports are awaited one by one; it wants nothing between them. */
function reports(fd: number) {
  let told = Promise.withResolvers<number>();
  const watching = watch(fd, (events) => {
    watching.want(0);
    told.resolve(events);
  });
  return {
    next(events: number) {
      told = Promise.withResolvers<number>();
      watching.want(events);
      return told.promise;
    },
    close: () => watching.close(),
  };
}

Deno.test("a watch reports what it wants, level by level", async () => {
  const [read, write] = openPipe();
  const reader = reports(read), writer = reports(write);
  assertEquals(await writer.next(WRITABLE), WRITABLE);
  libc().write(write, new Uint8Array([1]), 1n);
  assertEquals(await reader.next(READABLE), READABLE);
  assertEquals(await reader.next(READABLE), READABLE, "not read yet, so reported again");
  writer.close();
  writer.close();
  libc().close(write);
  assertEquals((await reader.next(READABLE)) & BROKEN, 0x10);
  reader.close();
  libc().close(read);
});

Deno.test("a fault of one handler does not stop the others", async () => {
  const [read, write] = openPipe();
  const fault = Promise.withResolvers<string>();
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    fault.resolve(event.message);
  };
  addEventListener("error", onError, { once: true });
  const bad = watch(write, () => {
    bad.close();
    throw new Error("handler fault");
  });
  bad.want(WRITABLE);
  assertEquals((await fault.promise).includes("handler fault"), true);
  const good = reports(write);
  assertEquals(await good.next(WRITABLE), WRITABLE);
  good.close();
  libc().close(read);
  libc().close(write);
});

Deno.test("a program ends when nothing is watched any more", async () => {
  const script = new URL("./testdata/ends_by_itself.ts", import.meta.url).pathname;
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const args = ["run", "-A", "-q", "--no-lock", "--config", config, script];
  const { code, stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "done\n"]);
});
