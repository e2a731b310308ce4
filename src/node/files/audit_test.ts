import { assertEquals, assertRejects } from "@std/assert";
import { Readable } from "node:stream";
import { FakeClock, settle } from "../../../tests/kit/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { EventFields } from "../../model/event.ts";
import { FileAudit } from "./audit.ts";
import { MAX_REPORT_LINE, type Report } from "./report.ts";

const done = (path: string, more: Partial<Report & { type: "done" }> = {}): Report => ({
  type: "done",
  deed: { action: "write", path, len: 3 },
  ...more,
});
const lines = (...reports: Report[]) => reports.map((report) => `${JSON.stringify(report)}\n`).join("");

function fixture() {
  const clock = new FakeClock();
  const emitted: EventFields[] = [];
  const node = { clock, emit: (event: EventFields) => void emitted.push(event), waiting: 0 };
  const audit = new FileAudit({ ...node, waitingEvents: () => node.waiting }, { event: "sftp", user: "joe" });
  return { clock, emitted, node, audit };
}

Deno.test("each deed is an event with the session's own fields, however the bytes are cut", async () => {
  const { audit, emitted } = fixture();
  const bytes = new TextEncoder().encode(
    lines(done("/a\u00fc"), {
      type: "done",
      deed: { action: "read", path: "/b", error: "Permission denied" },
    }),
  );
  await audit.follow(Readable.from(Array.from(bytes, (byte) => Uint8Array.of(byte))));
  audit.finish();
  assertEquals(JSON.parse(JSON.stringify(emitted)), [
    { event: "sftp", user: "joe", action: "write", path: "/a\u00fc", len: 3, success: true },
    { event: "sftp", user: "joe", action: "read", path: "/b", success: false, error: "Permission denied" },
  ]);
  assertEquals(audit.count, 2);
});

Deno.test("a file that was never closed is told of when the process has ended", async () => {
  const { audit, emitted } = fixture();
  const text = lines(
    { type: "opened", id: 1, action: "write", path: "/closed" },
    { type: "opened", id: 2, action: "write", path: "/open" },
    done("/closed", { id: 1 }),
  );
  await audit.follow(Readable.from([new TextEncoder().encode(text)]));
  assertEquals(emitted.map(({ path }) => path), ["/closed"]);
  audit.finish();
  assertEquals(emitted.length, 2);
  assertEquals([emitted[1]?.path, emitted[1]?.success], ["/open", false]);
});

Deno.test("reports wait while events pile up", async () => {
  const { audit, emitted, node, clock } = fixture();
  node.waiting = 5001;
  const following = audit.follow(Readable.from([new TextEncoder().encode(lines(done("/a"), done("/b")))]));
  await settle();
  assertEquals(emitted.map(({ path }) => path), ["/a"]);
  node.waiting = 5000;
  await clock.advance(50);
  await following;
  assertEquals(emitted.map(({ path }) => path), ["/a", "/b"]);
});

for (
  const [what, text] of [
    ["text", "hello\n"],
    ["a report without an end", "x".repeat(MAX_REPORT_LINE + 1)],
    ["an unknown action", '{"type":"done","deed":{"action":"login","path":"/"}}\n'],
  ]
) {
  Deno.test(`${what} in place of a report ends the session`, async () => {
    const { audit, emitted } = fixture();
    const reports = Readable.from([new TextEncoder().encode(text)]);
    await assertRejects(() => audit.follow(reports), AppError, "report on files");
    assertEquals(emitted, []);
  });
}

Deno.test("files opened without end do not fill memory", async () => {
  const { audit } = fixture();
  const text = Array.from(
    { length: 5000 },
    (_, id) => lines({ type: "opened", id, action: "read", path: "/" }),
  ).join("");
  const reports = Readable.from([new TextEncoder().encode(text)]);
  await assertRejects(() => audit.follow(reports), AppError, "too many files");
});
