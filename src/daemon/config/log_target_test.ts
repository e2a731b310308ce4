import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { parseLogTarget } from "./log_target.ts";

Deno.test("the log's output takes the manual's words in any case, and syslog elsewhere", () => {
  for (const word of ["stdout", "out", "1", "STDOUT"]) assertEquals(parseLogTarget(word), { kind: "stdout" });
  for (const word of ["stderr", "error", "2"]) assertEquals(parseLogTarget(word), { kind: "stderr" });
  assertEquals(parseLogTarget("syslog"), { kind: "syslog", target: { kind: "local" } });
  const udp = (host: string, port: number) => ({
    kind: "syslog" as const,
    target: { kind: "udp" as const, host, port },
  });
  assertEquals(parseLogTarget("syslog://logs.example.com"), udp("logs.example.com", 514));
  assertEquals(parseLogTarget("udp://[::1]:1514"), udp("::1", 1514));
  assertEquals(parseLogTarget("syslog:///run/log"), {
    kind: "syslog",
    target: { kind: "unix", path: "/run/log" },
  });
});

Deno.test("any other text is the path of a log file, and a wrong address is refused", () => {
  assertEquals(parseLogTarget("/var/log/teleport.log"), undefined);
  assertEquals(parseLogTarget("teleport.log"), undefined);
  for (const text of ["syslog://", "udp://host:port", "http://example.com", "udp:///path"]) {
    assertThrows(() => parseLogTarget(text), AppError);
  }
});
