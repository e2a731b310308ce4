import { assertEquals, assertStringIncludes } from "@std/assert";
import { logger, startLog } from "./log.ts";
import { Secret } from "./secret.ts";

async function logged(format: "text" | "json", write: () => void): Promise<string[]> {
  const lines: string[] = [];
  await startLog("INFO", format, (line) => void lines.push(line));
  write();
  await startLog("ERROR", "text", () => {});
  return lines;
}

Deno.test("a value from outside can neither end a log line nor move the cursor", async () => {
  const hostile = "joe\n2026 ERROR [auth] fake\r\u001b[2J\u009b31m\u007f\u2028";
  for (const format of ["text", "json"] as const) {
    const lines = await logged(format, () => logger("auth").info("{user} came", { user: hostile }));
    assertEquals(lines.length, 1);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\u0000-\u001f\u007f-\u009f\u2028]/.test(lines[0]?.slice(0, -1) ?? ""), false);
    assertEquals(lines[0]?.endsWith("\n"), true);
  }
});

Deno.test("a secret in a log line is not shown", async () => {
  const [line = ""] = await logged(
    "text",
    () => logger("auth").warn("got {it}", { it: new Secret("hunter2") }),
  );
  assertEquals(line.includes("hunter2"), false);
  assertStringIncludes(line, "[secret]");
  assertStringIncludes(line, "[auth]");
});

Deno.test("lines below the chosen severity are not written", async () => {
  assertEquals(await logged("text", () => logger("auth").debug("hidden")), []);
});
