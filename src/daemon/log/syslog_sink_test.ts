import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../base/clock.ts";
import type { LogEntry } from "../../base/log_entry.ts";
import { UnixDatagrams } from "../../../tests/kit/unix_datagrams.ts";
import { syslogMessage, syslogSink } from "./syslog_sink.ts";

const ENTRY: LogEntry = {
  time: Date.parse("2026-11-02T03:04:05.678Z"),
  level: "warning",
  component: "auth",
  message: "hello",
};
const body = ({ component, message }: LogEntry) => `[${component}] ${message}`;

Deno.test("local syslog gets messages of RFC 3164, remote syslog of RFC 5424", () => {
  const common = { body, hostname: "alpha", pid: 42 };
  const local = syslogMessage(ENTRY, { ...common, target: { kind: "local" } });
  assertMatch(local, /^<28>Nov {2}[12] \d\d:\d\d:05 teleport\[42\]: \[auth\] hello$/);
  assertEquals(
    syslogMessage(ENTRY, { ...common, target: { kind: "udp", host: "h", port: 514 } }),
    "<28>1 2026-11-02T03:04:05.678Z alpha teleport 42 auth - [auth] hello",
  );
  const severity = (level: LogEntry["level"]) =>
    syslogMessage({ ...ENTRY, level }, { ...common, target: { kind: "local" } }).slice(0, 4);
  assertEquals((["debug", "info", "error"] as const).map(severity), ["<31>", "<30>", "<27>"]);
});

Deno.test("a syslog daemon that is started anew gets the next line", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/log`;
  const sink = syslogSink({
    target: { kind: "unix", path },
    body,
    hostname: "a",
    pid: 1,
    clock: systemClock,
  });
  const write = (message: string) => sink.write([sink.render({ ...ENTRY, message })]);
  try {
    using first = new UnixDatagrams(path);
    await write("one");
    assertMatch(await first.next(), /one$/);
    first.close();
    await Deno.remove(path);
    let refused = false;
    await write("nobody reads this").catch(() => refused = true);
    assert(refused);
    using second = new UnixDatagrams(path);
    await write("two");
    assertMatch(await second.next(), /two$/);
    await write("x".repeat(100_000));
    assertEquals((await second.next()).length, 8 * 1024);
  } finally {
    sink.close();
    await Deno.remove(directory, { recursive: true });
  }
});
