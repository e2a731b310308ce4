import { assertEquals } from "@std/assert";
import { PassThrough } from "node:stream";
import { type Stage, WaitingRoom } from "./waiting_room.ts";

/** A room, and who is in it by names: `name@address`. */
function room(all: number, perAddress: number) {
  const waiting = new WaitingRoom({ maxUnauthenticated: all, maxUnauthenticatedPerAddress: perAddress });
  const sockets = new Map<string, PassThrough>();
  const nameOf = (guest: { socket: unknown } | undefined) =>
    [...sockets].find(([, socket]) => socket === guest?.socket)?.[0];
  const of = (name: string) => {
    const socket = sockets.get(name) ?? new PassThrough();
    sockets.set(name, socket);
    return socket;
  };
  return {
    enter(name: string, stage: Stage = "silent") {
      const goes = nameOf(waiting.enter(of(name), { address: name.split("@")[1] ?? "", port: 1 }));
      waiting.advance(of(name), stage);
      return goes;
    },
    move: (name: string, address: string) => nameOf(waiting.move(of(name), { address, port: 1 })),
    leave: (name: string) => waiting.leave(of(name)),
    delayFor: (address: string) => waiting.delayFor(address),
    get names() {
      return [...waiting.sockets].map((socket) => nameOf({ socket }));
    },
  };
}

Deno.test("with room for all, nobody goes", () => {
  const waiting = room(3, 2);
  assertEquals([waiting.enter("a@1"), waiting.enter("b@1"), waiting.enter("c@2")], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(waiting.leave("b@1"), true);
  assertEquals(waiting.leave("b@1"), false);
  assertEquals(waiting.enter("d@1"), undefined);
});

Deno.test("at its cap an address makes room itself, and others keep theirs", () => {
  const waiting = room(10, 2);
  for (const name of ["a@1", "b@2", "c@2"]) waiting.enter(name);
  assertEquals(waiting.enter("d@2"), "b@2");
  assertEquals(waiting.names, ["a@1", "c@2", "d@2"]);
});

Deno.test("the addresses of one IPv6 /64 share a cap", () => {
  const waiting = room(10, 2);
  for (const name of ["a@2001:db8::1", "b@2001:db8::2", "c@2001:db8:0:1::1"]) waiting.enter(name);
  assertEquals(waiting.enter("d@2001:db8::3"), "a@2001:db8::1");
});

Deno.test("in a full room the oldest of the stage where most are goes, so each stage keeps its part", () => {
  const waiting = room(6, 6);
  for (const name of ["a@1", "b@2", "c@3", "d@4"]) waiting.enter(name, "greeted");
  waiting.enter("e@5", "keyed");
  waiting.enter("f@6");
  assertEquals(waiting.enter("g@7"), "a@1");
  assertEquals(waiting.enter("h@8"), "b@2", "three greeted and two silent");
  assertEquals(waiting.enter("i@9"), "f@6", "the silent are the most");
  assertEquals(waiting.names, ["c@3", "d@4", "e@5", "g@7", "h@8", "i@9"]);
});

Deno.test("who has been silent too long goes first, however few they are", () => {
  const waiting = room(3, 3);
  waiting.enter("a@1", "greeted");
  waiting.enter("b@2");
  waiting.enter("c@3", "greeted");
  const past = performance.now() + 1001;
  const { now } = performance;
  performance.now = () => past;
  try {
    assertEquals(waiting.enter("d@4"), "b@2");
  } finally {
    performance.now = now;
  }
});

Deno.test("a client whose real address becomes known counts there", () => {
  const waiting = room(10, 2);
  waiting.enter("a@7");
  waiting.enter("b@7");
  waiting.enter("c@proxy");
  assertEquals(waiting.move("c@proxy", "7"), "a@7");
  assertEquals(waiting.enter("d@proxy"), undefined);
  assertEquals(waiting.enter("e@proxy"), undefined, "the relay's own address has its room back");
  assertEquals(waiting.enter("f@7"), "b@7");
  assertEquals(waiting.move("a@7", "7"), undefined, "it is not here any more");
});

Deno.test("a room for one has room for the newest", () => {
  const waiting = room(1, 1);
  waiting.enter("a@1", "keyed");
  assertEquals(waiting.enter("b@2"), "a@1");
  assertEquals(waiting.enter("c@2"), "b@2");
  assertEquals(waiting.names, ["c@2"]);
});

Deno.test("nobody has to go before there was time for a key exchange", () => {
  const waiting = room(3, 2);
  const { now } = performance;
  let time = now.call(performance);
  performance.now = () => time;
  try {
    waiting.enter("a@1", "greeted");
    assertEquals(waiting.delayFor("1"), 0, "there is room");
    waiting.enter("b@1", "greeted");
    assertEquals([waiting.delayFor("1"), waiting.delayFor("2")], [250, 0], "an address has its own");
    time += 100;
    waiting.enter("c@2", "greeted");
    assertEquals(
      [waiting.delayFor("1"), waiting.delayFor("2")],
      [150, 150],
      "in a full room the oldest counts",
    );
    time += 200;
    assertEquals([waiting.delayFor("1"), waiting.delayFor("2")], [0, 0]);
    waiting.leave("c@2");
    waiting.leave("b@1");
    assertEquals(waiting.delayFor("1"), 0);
  } finally {
    performance.now = now;
  }
});
