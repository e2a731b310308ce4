import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import fc from "fast-check";
import type { Ssh2Connection } from "./internals.ts";
import { Channel } from "./library.ts";
import { installWindow, orderStderr, writeWithinWindow } from "./window_patch.ts";

/** A server channel on a pretended connection that notes what is sent. */
function channelWith(window: number) {
  const sent: string[] = [];
  const handlers: Record<string, (...rest: unknown[]) => void> = {};
  const entries = new Map<number, unknown>();
  const socket = Object.assign(new EventEmitter(), { writable: true, writableLength: 0 });
  const connection = {
    _protocol: {
      _handlers: handlers,
      channelData: (_id: number, data: Buffer) => sent.push(`out:${data}`),
      channelExtData: (_id: number, data: Buffer) => sent.push(`err:${data}`),
      channelEOF: () => sent.push("eof"),
      channelClose: () => sent.push("close"),
    },
    _sock: socket,
    _chanMgr: { get: (id: number) => entries.get(id) },
  } as unknown as Ssh2Connection;
  installWindow(connection);
  const side = (size: number) => ({ id: 0, window: size, packetSize: 4, state: "open" });
  const channel = new Channel(connection, { type: "session", incoming: side(100), outgoing: side(window) }, {
    server: true,
  });
  orderStderr(channel);
  entries.set(0, channel);
  const adjust = (amount: number) => handlers.CHANNEL_WINDOW_ADJUST?.(undefined, 0, amount);
  return { channel, sent, adjust, socket };
}

Deno.test("output and error that wait for window together both go out, once and in order", async () => {
  const { channel, sent, adjust } = channelWith(2);
  channel.write("abcdef");
  channel.stderr.write("XY");
  assertEquals(sent, ["out:ab"]);
  adjust(3);
  assertEquals(sent, ["out:ab", "out:cde"]);
  adjust(2);
  assertEquals(sent, ["out:ab", "out:cde", "out:f", "err:X"]);
  adjust(10);
  assertEquals(sent, ["out:ab", "out:cde", "out:f", "err:X", "err:Y"]);
  channel.stderr.end(() => channel.end());
  await new Promise((resolve) => channel.once("finish", resolve));
  assertEquals(sent.slice(-2), ["eof", "close"]);
});

Deno.test("no window is ever exceeded and nothing is lost, whatever the order of writes and window", () => {
  const step = fc.oneof(
    fc.record({ out: fc.string({ minLength: 1, maxLength: 9, unit: fc.constantFrom(..."abcdef") }) }),
    fc.record({ err: fc.string({ minLength: 1, maxLength: 9, unit: fc.constantFrom(..."XYZ") }) }),
    fc.record({ window: fc.nat(12) }),
  );
  fc.assert(fc.property(fc.nat(10), fc.array(step, { maxLength: 30 }), (window, steps) => {
    const { channel, sent, adjust } = channelWith(window);
    let allowed = window;
    const wanted = { out: "", err: "" };
    const got = (kind: string) =>
      sent.filter((piece) => piece.startsWith(`${kind}:`)).map((piece) => piece.slice(4)).join("");
    for (const one of steps) {
      if ("out" in one) {
        wanted.out += one.out;
        channel.write(one.out);
      } else if ("err" in one) {
        wanted.err += one.err;
        channel.stderr.write(one.err);
      } else {
        allowed += one.window;
        adjust(one.window);
      }
      assertEquals(got("out").length + got("err").length <= allowed, true);
    }
    for (let i = 0; i < 80; i++) adjust(100);
    assertEquals({ out: got("out"), err: got("err") }, wanted);
  }));
});

Deno.test("lent memory that has to wait behind standard error is copied: its owner fills it again", () => {
  const { channel, sent, adjust } = channelWith(0);
  channel.stderr.write("err!");
  const lent = Buffer.from("mine");
  writeWithinWindow(channel, lent);
  lent.fill("x"); // perhaps with the output of somebody else's program
  adjust(100);
  assertEquals(sent, ["err:err!", "out:mine"]);
});

Deno.test("a socket that has enough to write holds the channel back, and its drain lets it go on", () => {
  const { channel, sent, socket } = channelWith(1000);
  socket.writableLength = 2 ** 20;
  let drained = 0;
  channel.on("drain", () => drained++);
  channel.write("abcd");
  assertEquals([writeWithinWindow(channel, Buffer.from("efgh")), sent], [false, []]);
  socket.writableLength = 0;
  socket.emit("drain");
  assertEquals([sent, drained > 0], [["out:abcd", "out:efgh"], true]);
  assertEquals([writeWithinWindow(channel, Buffer.from("ijkl")), sent.at(-1)], [true, "out:ijkl"]);
});
