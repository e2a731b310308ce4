import { assertEquals } from "@std/assert";
import { EVENT_NAMES } from "../model/event.ts";
import { eventDetails, eventHeading, eventTitle, isFailure } from "./event_text.ts";

Deno.test("every event of this build has a name for people", () => {
  assertEquals(EVENT_NAMES.filter((name) => eventTitle(name) === name && name !== "resize"), []);
  assertEquals(eventTitle("constructor"), "constructor");
});

Deno.test("an event is told in a line, and a refusal is known as one", () => {
  assertEquals(
    eventDetails({ event: "exec", login: "root", command: "ls -l", exitCode: 0 }),
    "as root · ls -l",
  );
  assertEquals(eventHeading({ event: "auth", success: true }), "Certificate accepted");
  assertEquals(eventHeading({ event: "auth", success: "false" }), "Access refused");
  assertEquals(eventHeading({ event: "client.refused", success: false }), "Client refused");
  assertEquals(eventHeading({ event: "cert.create", success: false }), "Certificate issued (failed)");
  assertEquals(isFailure({ event: "auth", success: "false" }), true);
  assertEquals(isFailure({ event: "auth" }), false);
});
