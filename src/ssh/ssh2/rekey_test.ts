import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import type { Ssh2Connection } from "./internals.ts";
import { DEFAULT_REKEY, keepKeysFresh, type RekeyPolicy } from "./rekey.ts";

/** A connection that only counts what is asked of it. */
function connection(policy: Partial<RekeyPolicy>) {
  const asked = Promise.withResolvers<void>();
  const broken = Promise.withResolvers<string>();
  const state = { rekeys: 0 };
  const protocol = {
    _kexinit: undefined as Buffer | undefined,
    _queue: undefined as Buffer[] | undefined,
    rekey() {
      state.rekeys++;
      protocol._kexinit = Buffer.from([20]);
      asked.resolve();
    },
  };
  const library = Object.assign(new EventEmitter(), { _protocol: protocol, _sock: new PassThrough() });
  const count = keepKeysFresh(
    library as unknown as Ssh2Connection,
    { ...DEFAULT_REKEY, ...policy },
    broken.resolve,
  );
  const finish = () => {
    protocol._kexinit = undefined;
    library.emit("handshake");
  };
  return {
    count,
    finish,
    protocol,
    state,
    asked: asked.promise,
    broken: broken.promise,
    close: () => library.emit("close"),
  };
}

/** Waits although only unreferenced timers run. */
async function awake<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 1000);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

Deno.test("new keys after so many bytes, both directions together, and not before the first exchange is over", () => {
  const { count, finish, state, close } = connection({ bytes: 1000 });
  count(5000);
  assertEquals(state.rekeys, 0);
  finish();
  count(600);
  assertEquals(state.rekeys, 0);
  count(400);
  assertEquals(state.rekeys, 1);
  count(5000); // the exchange runs
  assertEquals(state.rekeys, 1);
  finish();
  count(999);
  assertEquals(state.rekeys, 1);
  count(1);
  assertEquals(state.rekeys, 2);
  close();
});

Deno.test("new keys after so much time, once something passes", async () => {
  const busy = connection({ intervalMs: 1 });
  busy.finish();
  busy.count(1);
  await awake(busy.asked);
  busy.close();

  const idle = connection({ intervalMs: 1 });
  idle.finish();
  await new Promise((resolve) => setTimeout(resolve, 5)); // longer than the interval: nothing may happen
  assertEquals(idle.state.rekeys, 0);
  idle.count(1);
  assertEquals(idle.state.rekeys, 1);
  idle.close();
});

Deno.test("a key exchange that does not end, ends the connection", async () => {
  const { count, finish, protocol, broken, close } = connection({ timeoutMs: 1 });
  finish();
  protocol._kexinit = Buffer.from([20]);
  count(1);
  assertEquals(await awake(broken), "the key exchange was not finished in time");
  close();
});

Deno.test("a peer cannot fill the queue of messages that wait for a key exchange", async () => {
  const { count, finish, protocol, broken, close } = connection({});
  finish();
  protocol._kexinit = Buffer.from([20]);
  protocol._queue = Array.from({ length: 20_001 }, () => Buffer.alloc(1));
  count(1);
  assertEquals(await awake(broken), "too many messages during a key exchange");
  close();
});
