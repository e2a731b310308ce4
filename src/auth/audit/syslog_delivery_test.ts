import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { systemClock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import { formatEvent } from "../../model/event.ts";
import { syslogDelivery, syslogMessage } from "./syslog_delivery.ts";

const SENDER = { hostname: "alpha.example.com", pid: 42 };
const line = (more: Record<string, string | boolean> = {}) =>
  formatEvent({ event: "user.login", time: "2026-02-28T23:59:58Z", user: "joe", success: true, ...more });

Deno.test("over the network a message is RFC 5424 with the event as JSON, and a refusal is a warning", () => {
  assertEquals(
    syslogMessage(line(), "network", SENDER),
    `<109>1 2026-02-28T23:59:58.000Z alpha.example.com teleport 42 user.login - ${line()}`,
  );
  assertMatch(syslogMessage(line({ success: false }), "network", SENDER), /^<108>1 /);
  assertMatch(syslogMessage(line(), "network", { hostname: "", pid: 1 }), /^<109>1 \S+ - teleport 1 /);
});

Deno.test("for the local daemon a message is RFC 3164", () => {
  assertMatch(
    syslogMessage(line(), "local", SENDER),
    /^<109>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d teleport\[42\]: \{"event":"user\.login",/,
  );
});

Deno.test("a long event is cut to what receivers take, and stays JSON; what is none is left out", () => {
  for (const form of ["network", "local"] as const) {
    const message = syslogMessage(line({ command: "\u00e9\n".repeat(8000), reason: "why" }), form, SENDER);
    assert(new TextEncoder().encode(message).length <= 8192);
    const event = JSON.parse(message.slice(message.indexOf("{")));
    assertEquals([event.event, event.user, event.cut], ["user.login", "joe", true]);
    assert(!message.includes("\n"));
  }
  assertEquals(syslogMessage("no json", "network", SENDER), "");
});

Deno.test("by TCP messages are counted in octets; a receiver that is gone is an error, and one that is back goes on", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { deliver, close } = syslogDelivery({
    target: { kind: "tcp", host: "127.0.0.1", port },
    sender: SENDER,
    clock: systemClock,
    sendDatagrams: () => Promise.reject(new Error("not here")),
  });
  const first = listener.accept();
  await deliver([line(), line({ user: "j\u00f6" })]);
  const connection = await first;
  const text = await read(connection, 2);
  assertEquals(messages(text).map((message) => JSON.parse(message.slice(message.indexOf("{"))).user), [
    "joe",
    "j\u00f6",
  ]);
  connection.close();
  listener.close();
  await assertRejects(async () => {
    for (let i = 0; i < 100; i++) await deliver([line()]); // the first may still go into the kernel's buffer
  }, AppError);
  const again = Deno.listen({ hostname: "127.0.0.1", port });
  const second = again.accept();
  await deliver([line({ user: "ann" })]);
  const next = await second;
  assertMatch(await read(next, 1), /"user":"ann"/);
  next.close();
  again.close();
  close();
});

/** The messages of a stream in octet counting. */
function messages(text: string): string[] {
  const bytes = new TextEncoder().encode(text);
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(32, at);
    const length = Number(new TextDecoder().decode(bytes.subarray(at, blank)));
    found.push(new TextDecoder().decode(bytes.subarray(blank + 1, blank + 1 + length)));
    at = blank + 1 + length;
  }
  return found;
}

async function read(connection: Deno.Conn, count: number): Promise<string> {
  const buffer = new Uint8Array(65536);
  let text = "";
  while (text.split('"event"').length <= count || !text.endsWith("}")) {
    const length = await connection.read(buffer);
    if (length === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, length));
  }
  return text;
}
