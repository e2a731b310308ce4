import { assertEquals } from "@std/assert";
import { Escapes } from "./escapes.ts";

function type(escape: string, ...pieces: string[]) {
  const done: string[] = [];
  const escapes = new Escapes(escape, {
    disconnect: () => done.push("disconnect"),
    sendBreak: () => done.push("break"),
    help: () => done.push("help"),
  });
  const sent = pieces.map((piece) =>
    new TextDecoder().decode(escapes.filter(new TextEncoder().encode(piece)))
  );
  return { sent: sent.join(""), done };
}

Deno.test("escapes work after a line's end only, also when typed slowly", () => {
  assertEquals(type("~", "~."), { sent: "", done: ["disconnect"] });
  assertEquals(type("~", "ls\r", "~", "."), { sent: "ls\r", done: ["disconnect"] });
  assertEquals(type("~", "a~.", "b"), { sent: "a~.b", done: [] });
  assertEquals(type("~", "\n~B~?x"), { sent: "\nx", done: ["break", "help"] });
});

Deno.test("the escape character itself is sent when typed twice, or before anything else", () => {
  assertEquals(type("~", "~~."), { sent: "~.", done: [] });
  assertEquals(type("~", "~x"), { sent: "~x", done: [] });
  assertEquals(type("^]", "\x1d."), { sent: "", done: ["disconnect"] });
  assertEquals(type("^]", "~."), { sent: "~.", done: [] });
});
