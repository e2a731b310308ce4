import { assertEquals } from "@std/assert";
import { parameters, pathOf, placeAfterLogin } from "./route.ts";

Deno.test("addresses of old and of new pages mean the same places", () => {
  assertEquals(pathOf("/web"), "/");
  assertEquals(pathOf("/web/"), "/");
  assertEquals(pathOf("/web/nodes/"), "/nodes");
  assertEquals(pathOf("/web/cluster/main/nodes"), "/nodes");
  assertEquals(pathOf("/web/cluster/-current-/sessions/abc"), "/sessions/abc");
  assertEquals(pathOf("/web/cluster/main"), "/");
});

Deno.test("a pattern takes the words out of a path that fits", () => {
  assertEquals(parameters("/sessions/:sid", "/sessions/abc"), { sid: "abc" });
  assertEquals(parameters("/a/:x/b/:y", "/a/1%2F2/b/3"), { x: "1/2", y: "3" });
  assertEquals(parameters("/sessions/:sid", "/sessions"), undefined);
  assertEquals(parameters("/sessions/:sid", "/sessions/"), undefined);
  assertEquals(parameters("/sessions/:sid", "/sessions/%zz"), undefined);
  assertEquals(parameters("/nodes", "/users"), undefined);
});

Deno.test("after a login nobody is led to another site", () => {
  assertEquals(placeAfterLogin("/audit?type=exec"), "/audit?type=exec");
  for (
    const bad of [
      null,
      "",
      "https://evil.example",
      "//evil.example",
      "/\\evil.example",
      "javascript:x",
      "/login",
    ]
  ) {
    assertEquals(placeAfterLogin(bad), "/nodes", String(bad));
  }
});
