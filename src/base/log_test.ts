import { assertEquals, assertStringIncludes } from "@std/assert";
import { logger, startLog } from "./log.ts";
import { jsonLine, type LogEntry, textLine } from "./log_entry.ts";
import { Secret } from "./secret.ts";

async function logged(write: () => void): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  await startLog("INFO", (entry) => void entries.push(entry));
  write();
  await startLog("ERROR", () => {});
  return entries;
}

Deno.test("a value from outside can neither end a log line nor move the cursor", async () => {
  const hostile = "joe\n2026 ERROR [auth] fake\r\u001b[2J\u009b31m\u007f\u2028";
  const entries = await logged(() => logger("auth").info("{user} came", { user: hostile }));
  assertEquals(entries.length, 1);
  for (const line of entries.flatMap((entry) => [textLine(entry), jsonLine(entry)])) {
    // deno-lint-ignore no-control-regex
    assertEquals(/[\u0000-\u001f\u007f-\u009f\u2028]/.test(line.slice(0, -1)), false);
    assertEquals(line.endsWith("\n"), true);
  }
});

Deno.test("a secret in a log line is not shown", async () => {
  const [entry] = await logged(() => logger("auth").warn("got {it}", { it: new Secret("hunter2") }));
  const line = entry ? textLine(entry) : "";
  assertEquals(line.includes("hunter2"), false);
  assertStringIncludes(line, "[secret]");
  assertStringIncludes(line, "WARNING [auth]");
});

Deno.test("lines below the chosen severity are not written", async () => {
  assertEquals(await logged(() => logger("auth").debug("hidden")), []);
});

Deno.test("a log line has a bound, whatever is logged", async () => {
  const [entry] = await logged(() => logger("auth").info("{a}", { a: "x".repeat(1_000_000) }));
  assertEquals((entry?.message.length ?? Infinity) < 20_000, true);
});
