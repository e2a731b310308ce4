import { assertEquals } from "@std/assert";
import { decodeStatus } from "./child_process.ts";
import { signalName, signalNumber } from "./signals.ts";

Deno.test("decodeStatus tells codes from signals", () => {
  assertEquals(decodeStatus(0), { code: 0 });
  assertEquals(decodeStatus(42 << 8), { code: 42 });
  assertEquals(decodeStatus(15), { signal: "TERM", coreDumped: false });
  assertEquals(decodeStatus(11 | 0x80), { signal: "SEGV", coreDumped: true });
  assertEquals(decodeStatus(40), { signal: "RT40", coreDumped: false });
});

Deno.test("signals have names of RFC 4254", () => {
  for (
    const name of [
      "ABRT",
      "ALRM",
      "FPE",
      "HUP",
      "ILL",
      "INT",
      "KILL",
      "PIPE",
      "QUIT",
      "SEGV",
      "TERM",
      "USR1",
      "USR2",
    ]
  ) {
    assertEquals(signalName(signalNumber(name) ?? 0), name);
  }
  assertEquals(signalNumber("SIGTERM"), undefined);
});
