import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { parseFlags } from "./flags.ts";

Deno.test("parseFlags leaves flags that are not given undefined", () => {
  assertEquals(Object.values(parseFlags({})).every((value) => value === undefined), true);
  assertEquals(parseFlags({ authServer: [], caPin: [] }).authServers, undefined);
});

Deno.test("parseFlags reads comma lists and repeated flags alike", () => {
  const { authServers, roles } = parseFlags({ authServer: ["a, b:1", "[::1]:2"], roles: "proxy,node,proxy" });
  assertEquals(authServers?.map(({ host, port }) => `${host} ${port}`), ["a 3025", "b 1", "::1 2"]);
  assertEquals([...roles ?? []], ["proxy", "node"]);
});

Deno.test("parseFlags names the flag and does not repeat a token", () => {
  const error = assertThrows(() => parseFlags({ token: "hush hush" }), AppError, "--token: a token is");
  assertEquals(error.message.includes("hush"), false);
  assertThrows(() => parseFlags({ roles: "" }), AppError, "--roles: the value is empty");
});
