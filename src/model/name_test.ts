import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { isPrincipal } from "../ssh/certificate.ts";
import { isHostName, isLabelKey, isLogin, isUserName, isUuid } from "./name.ts";

const RULES = { isUserName, isLogin, isHostName, isUuid, isLabelKey };

Deno.test("names that people use are allowed", () => {
  for (const name of ["joe", "Joe.Smith@example.com", "a", "_svc", "0day", "x+y", "a-b"]) {
    assertEquals(isUserName(name), true, name);
  }
  for (const name of ["root", "joe", "_apt", "machine$", "joe.smith", "svc-1"]) {
    assertEquals(isLogin(name), true, name);
  }
  for (const name of ["luna", "luna.example.com", "a", "a-b_c", "10.0.0.1"]) {
    assertEquals(isHostName(name), true, name);
  }
  assertEquals(isUuid(crypto.randomUUID()), true);
  for (const key of ["env", "kubernetes.io/os", "a:b", "*"]) assertEquals(isLabelKey(key), true, key);
});

Deno.test("names that could do harm somewhere are refused by every rule", () => {
  const bad = [
    "",
    " ",
    "a b",
    "a,b",
    "a\n",
    "\na",
    "a\u0000",
    "\u001b[2J",
    "a\u009b",
    "a;b",
    "a$(b)",
    "a`b",
    "a'b",
    'a"b',
  ];
  for (const name of [...bad, "a|b", "a&b", "a<b", "a\\b", "é", "a\u2028", "a\u200b", "a%20b"]) {
    for (const [rule, holds] of Object.entries(RULES)) {
      assertEquals(holds(name), false, `${rule} ${JSON.stringify(name)}`);
    }
  }
});

Deno.test("a name is no option, no path and no hidden file", () => {
  for (const name of ["-v", "--", ".", "..", "../x", "a/b", "/a", ".ssh", "~joe"]) {
    assertEquals([isUserName(name), isLogin(name), isHostName(name)], [false, false, false], name);
  }
});

Deno.test("every allowed user, login and host name is a safe principal", () => {
  const candidate = fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9._@+$-]{1,70}$/));
  fc.assert(
    fc.property(
      candidate,
      (name) => !(isUserName(name) || isLogin(name) || isHostName(name)) || isPrincipal(name),
    ),
    { numRuns: 2000 },
  );
});

Deno.test("names have a greatest length", () => {
  assertEquals([isUserName("a".repeat(128)), isUserName("a".repeat(129))], [true, false]);
  assertEquals([isLogin("a".repeat(64)), isLogin("a".repeat(66))], [true, false]);
  assertEquals([isHostName("a".repeat(253)), isHostName("a".repeat(254))], [true, false]);
  assertEquals([isLabelKey("a".repeat(128)), isLabelKey("a".repeat(129))], [true, false]);
});
