import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../../base/errors.ts";
import { dialable, formatAddress, parseAddress, parseHost, parseIp } from "./address.ts";

Deno.test("parseAddress reads every form and fills in the default port", () => {
  const cases: [string, string, number][] = [
    ["example.com", "example.com", 3022],
    ["example.com:80", "example.com", 80],
    ["10.1.0.5:3025", "10.1.0.5", 3025],
    ["127.0.0.1:0", "127.0.0.1", 0],
    ["::1", "::1", 3022],
    ["[::1]", "::1", 3022],
    ["[fe80::1]:22", "fe80::1", 22],
    ["localhost:65535", "localhost", 65535],
    ["node_1", "node_1", 3022],
  ];
  for (const [text, host, port] of cases) assertEquals(parseAddress(text, 3022), { host, port }, text);
});

Deno.test("parseAddress refuses what is not an address", () => {
  const bad = [
    "",
    ":3025",
    "a:b",
    "a:65536",
    "a:-1",
    "a:1:2",
    "[a]:1",
    "[::1",
    "300.1.1.1",
    "1.2.3",
    "-a",
    "a b",
  ];
  for (const text of [...bad, "https://a:1", "a..b", "a:", "a\n:1", "[::1]x", `${"a".repeat(64)}.b`]) {
    assertThrows(() => parseAddress(text, 1), AppError, "is not an address", text);
  }
});

Deno.test("parseAddress either fails with an AppError or reads back what formatAddress writes", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.domain(), fc.stringMatching(/^[a1:.[\]]+$/)), (text) => {
      try {
        const address = parseAddress(text, 1);
        assertEquals(parseAddress(formatAddress(address), 2), address);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
      }
    }),
  );
});

Deno.test("parseHost and parseIp refuse ports", () => {
  assertEquals(parseHost("[::1]"), "::1");
  assertEquals(parseHost("gw.example.com"), "gw.example.com");
  assertThrows(() => parseHost("10.0.0.1:3022"), AppError, "without a port");
  assertEquals(parseIp("127.0.0.2"), "127.0.0.2");
  assertThrows(() => parseIp("localhost"), AppError, "IP address");
});

Deno.test("dialable turns every-interface addresses into loopback", () => {
  assertEquals(dialable({ host: "0.0.0.0", port: 1 }).host, "127.0.0.1");
  assertEquals(dialable({ host: "::", port: 1 }).host, "::1");
  assertEquals(dialable({ host: "10.0.0.1", port: 1 }).host, "10.0.0.1");
});
