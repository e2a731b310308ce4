import { assertEquals } from "@std/assert";
import { clusterIn, isOfAnyCluster, parameters, pathOf, placeAfterLogin } from "./route.ts";

Deno.test("addresses of old and of new pages mean the same places", () => {
  assertEquals(pathOf("/web"), "/");
  assertEquals(pathOf("/web/"), "/");
  assertEquals(pathOf("/web/nodes/"), "/nodes");
  assertEquals(pathOf("/web/cluster/main/nodes"), "/nodes");
  assertEquals(pathOf("/web/cluster/-current-/sessions/abc"), "/sessions/abc");
  assertEquals(pathOf("/web/cluster/main"), "/");
});

Deno.test("an address of the manual's time names its cluster in the path", () => {
  assertEquals(clusterIn("/web/cluster/east/nodes"), "east");
  assertEquals(clusterIn("/web/cluster/east"), "east");
  assertEquals(clusterIn("/web/cluster/a%20b/nodes"), "a b");
  assertEquals(clusterIn("/web/cluster/-current-/nodes"), undefined);
  assertEquals(clusterIn("/web/cluster/%zz/nodes"), undefined);
  assertEquals(clusterIn("/web/nodes"), undefined);
});

Deno.test("what is about this cluster alone is not about the one that is chosen", () => {
  for (
    const path of ["/", "/nodes", "/sessions/abc", "/session/abc", "/recordings", "/player/abc", "/audit"]
  ) {
    assertEquals(isOfAnyCluster(path), true, path);
  }
  for (
    const path of [
      "/users",
      "/roles",
      "/tokens",
      "/connectors",
      "/trusted-clusters",
      "/account",
      "/terminals",
    ]
  ) {
    assertEquals(isOfAnyCluster(path), false, path);
  }
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
