import { assertEquals } from "@std/assert";
import { withNodes } from "./recorded_sessions.ts";

const sid = "5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10";
const recording = { sid, bytes: 10, modified: 5000, complete: true };
const NODES = new Map([["n1", "alpha"]]);

Deno.test("a recording gets the name of its node, and its length", () => {
  const known = { ...recording, user: "joe", server_id: "n1", started: 1000 };
  const [one] = withNodes([{ ...known, ended: 4000 }], NODES);
  assertEquals([one?.node, one?.length], ["alpha", 3000]);
  const [unfinished] = withNodes([{ ...known, complete: false }], NODES);
  assertEquals([unfinished?.node, unfinished?.length], ["alpha", undefined]);
  const [elsewhere] = withNodes([{ ...known, name: "sshd-1" }], NODES);
  assertEquals([elsewhere?.node, elsewhere?.length], ["sshd-1", 4000]);
});

Deno.test("the newest comes first, and one of which little is known is what it is", () => {
  const newer = { ...recording, sid: "6b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10", modified: 9000 };
  assertEquals(withNodes([recording, newer], new Map()), [newer, recording]);
});
