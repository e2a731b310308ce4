import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../../../src/base/errors.ts";
import { parseForward, parseHostPort } from "./forward_spec.ts";

Deno.test("forwardings are read as ssh reads them", () => {
  const at = (host: string, port: number) => ({ host, port });
  for (
    const [flag, text, listen, target] of [
      ["L", "8080:db:5432", at("", 8080), at("db", 5432)],
      ["L", "127.0.0.1:8080:db:5432", at("127.0.0.1", 8080), at("db", 5432)],
      ["L", ":8080:db:5432", at("*", 8080), at("db", 5432)],
      ["L", "*:8080:db:5432", at("*", 8080), at("db", 5432)],
      ["L", "[::1]:8080:[fe80::1]:22", at("::1", 8080), at("fe80::1", 22)],
      ["L", "8080:/run/db.sock", at("", 8080), { path: "/run/db.sock" }],
      ["L", "/tmp/here:db:5432", { path: "/tmp/here" }, at("db", 5432)],
      ["L", "/tmp/here:/run/there", { path: "/tmp/here" }, { path: "/run/there" }],
      ["L", "/tmp/a\\:b:db:1", { path: "/tmp/a:b" }, at("db", 1)],
      ["R", "0:localhost:22", at("", 0), at("localhost", 22)],
      ["R", "1080", at("", 1080), "socks"],
      ["R", "localhost:1080", at("localhost", 1080), "socks"],
      ["D", "1080", at("", 1080), "socks"],
      ["D", "0.0.0.0:1080", at("0.0.0.0", 1080), "socks"],
    ] as const
  ) {
    assertEquals(parseForward(flag, text), { listen, target } as never, text);
  }
});

Deno.test("what is no forwarding is refused with the forms", () => {
  for (
    const [flag, text] of [
      ["L", ""],
      ["L", "8080"],
      ["L", "8080:db"],
      ["L", "8080:db:0"],
      ["L", "99999:db:1"],
      ["L", "8080:db:5432:more"],
      ["L", "a:b:c:d"],
      ["L", "8080::22"],
      ["D", "8080:db:1"],
      ["D", "/tmp/socket"],
      ["R", "[::1:8080"],
    ] as const
  ) {
    assertThrows(() => parseForward(flag, text), AppError, "is not a forwarding; write", text);
  }
  assertEquals(parseHostPort("[::1]:22"), { host: "::1", port: 22 });
  assertThrows(() => parseHostPort("/tmp/x"), AppError, "write host:port");
  assertThrows(() => parseHostPort("host"), AppError, "write host:port");
});

Deno.test("whatever is written, it is read or refused", () => {
  const parts = fc.constantFrom(
    "8080",
    "0",
    "host",
    "/a",
    "[::1]",
    "[",
    "]",
    ":",
    "\\",
    "",
    "*",
    "99999",
    " ",
  );
  fc.assert(fc.property(fc.constantFrom("L", "R", "D"), fc.array(parts), (flag, words) => {
    try {
      parseForward(flag as "L", words.join(":"));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }));
});
