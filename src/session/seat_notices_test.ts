import { assertEquals } from "@std/assert";
import { readSessionNotice, SESSION_NOTICE, SESSION_NOTICES } from "../ssh/session_notice.ts";
import { WireReader } from "../ssh/wire.ts";
import { SeatNotices } from "./seat_notices.ts";

const SIZE = { columns: 80, rows: 24, width: 0, height: 0 };

Deno.test("only a client that asks is told of its seat", () => {
  const told: [string, unknown][] = [];
  const notices = new SeatNotices();
  notices.open((type, fields) => told.push([type, readSessionNotice(new WireReader(fields))]));
  assertEquals([notices.takes("LANG"), notices.onSeated], [false, undefined]);
  assertEquals(notices.takes(SESSION_NOTICES), true);
  const sid = crypto.randomUUID();
  notices.onSeated?.(sid, SIZE);
  assertEquals(told, [[SESSION_NOTICE, { sid, columns: 80, rows: 24 }]]);
});
