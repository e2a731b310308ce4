import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { installGate, isLegal, type Phase, type Side } from "./gate.ts";
import type { Ssh2Connection } from "./internals.ts";

/** The numbers that RFC 4250 section 4.1.2 lets each side receive in each phase, written out. */
const TABLE: Record<Side, Record<Phase, number[]>> = {
  server: {
    authenticating: [1, 2, 3, 4, 5, 7, 20, 50, 61],
    authenticated: [1, 2, 3, 4, 20, 80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100],
  },
  client: {
    authenticating: [1, 2, 3, 4, 6, 7, 20, 51, 52, 53, 60],
    authenticated: [1, 2, 3, 4, 20, 80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100],
  },
};

const SIDES = ["server", "client"] as const;
const PHASES = ["authenticating", "authenticated"] as const;

/** A gate on a protocol that only remembers what reached it. */
function gate(side: Side, phase: { authenticated: boolean }) {
  const passed: number[] = [];
  const reasons: string[] = [];
  let packets = 0;
  const protocol = {
    _onPayload: (payload: Buffer) => passed.push(payload[0] ?? -1),
    _onPacket: () => packets++,
  };
  const connection = Object.assign(new EventEmitter(), { _protocol: protocol }) as unknown as Ssh2Connection;
  const { cut, take } = installGate(
    connection,
    side,
    () => phase.authenticated,
    (reason) => void reasons.push(reason),
  );
  return {
    cut,
    take,
    packets: () => packets,
    passed,
    reasons,
    receive: (...bytes: number[]) => connection._protocol._onPayload(Buffer.from(bytes)),
  };
}

for (const side of SIDES) {
  for (const phase of PHASES) {
    Deno.test(`of all 256 messages a ${side} receives only the table's while ${phase}`, () => {
      const legal = Array.from({ length: 256 }, (_, number) => number).filter((n) => isLegal(side, phase, n));
      assertEquals(legal, TABLE[side][phase]);
      for (let number = 0; number < 256; number++) {
        const { passed, reasons, receive } = gate(side, { authenticated: phase === "authenticated" });
        receive(number, 0, 0, 0, 0);
        const wanted = TABLE[side][phase].includes(number);
        assertEquals(passed, wanted ? [number] : [], `message ${number}`);
        assertEquals(reasons.length, wanted ? 0 : 1, `message ${number}`);
      }
    });
  }
}

Deno.test("after one illegal message nothing passes any more, and it is refused once", () => {
  const { passed, reasons, receive } = gate("server", { authenticated: false });
  receive(90);
  receive(2);
  receive(50);
  assertEquals(passed, []);
  assertEquals(reasons, ["message 90 is not allowed before authentication"]);
});

Deno.test("an empty message is refused", () => {
  const { passed, reasons, receive } = gate("server", { authenticated: true });
  receive();
  assertEquals(passed, []);
  assertEquals(reasons.length, 1);
});

Deno.test("the phase is asked for anew with each message", () => {
  const phase = { authenticated: false };
  const { passed, reasons, receive } = gate("server", phase);
  receive(50);
  phase.authenticated = true;
  receive(90);
  assertEquals(passed, [50, 90]);
  receive(50);
  assertEquals(reasons, ["message 50 is not allowed after authentication"]);
});

Deno.test("two hundred messages pass before authentication, the next one is cut", () => {
  const { passed, reasons, receive } = gate("server", { authenticated: false });
  for (let i = 0; i < 200; i++) receive(2);
  assertEquals(passed.length, 200);
  assertEquals(reasons, []);
  receive(2);
  assertEquals(passed.length, 200);
  assertEquals(reasons, ["too many messages before authentication"]);
});

Deno.test("a quarter of a mebibyte passes before authentication, more is cut", () => {
  const { passed, reasons, receive } = gate("server", { authenticated: false });
  const big = [2, ...new Array<number>(32 * 1024 - 1).fill(0)];
  for (let i = 0; i < 8; i++) receive(...big);
  assertEquals(passed.length, 8);
  receive(2);
  assertEquals(reasons, ["too many messages before authentication"]);
});

Deno.test("what was received before authentication is not counted against the session", () => {
  const phase = { authenticated: false };
  const { passed, reasons, receive } = gate("server", phase);
  for (let i = 0; i < 200; i++) receive(2);
  phase.authenticated = true;
  for (let i = 0; i < 1000; i++) receive(94);
  assertEquals(passed.length, 1200);
  assertEquals(reasons, []);
});

Deno.test("a message that is taken goes to its taker and not to ssh2, and counts as a sign of life", () => {
  const { take, receive, passed, packets, reasons } = gate("server", { authenticated: true });
  const taken: string[] = [];
  take(98, (fields) => taken.push(fields.string().toString()));
  receive(98, 0, 0, 0, 2, 104, 105);
  receive(94, 1);
  assertEquals([taken, passed, packets(), reasons], [["hi"], [94], 1, []]);
});

Deno.test("a taken message is no way around the phases", () => {
  const phase = { authenticated: false };
  const { take, receive, reasons } = gate("server", phase);
  const taken: number[] = [];
  take(98, () => taken.push(98));
  receive(98);
  phase.authenticated = true;
  receive(98);
  assertEquals([taken, reasons], [[], ["message 98 is not allowed before authentication"]]);
});

Deno.test("a taker that finds a message malformed cuts the connection; what it throws else is not hidden", () => {
  const { take, receive, passed, reasons } = gate("server", { authenticated: true });
  take(98, (fields) => void fields.uint32());
  take(99, () => {
    throw new TypeError("a bug");
  });
  assertThrows(() => receive(99), TypeError, "a bug");
  receive(98, 1);
  receive(94);
  assertEquals([passed, reasons], [[], ["message 98 is malformed: an SSH message ends too early"]]);
});

Deno.test("a connection is cut once, and nothing passes after that", () => {
  const { cut, receive, passed, reasons } = gate("client", { authenticated: true });
  cut("enough");
  cut("more than enough");
  receive(94);
  assertEquals([passed, reasons], [[], ["enough"]]);
});
