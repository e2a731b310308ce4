import { assertEquals } from "@std/assert";
import { mappingProblem, mapRoles } from "./role_map.ts";

Deno.test("mapRoles: whole names, stars, what stars stood for", () => {
  const map = [
    { remote: "admin", local: ["dev", "ops"] },
    { remote: "team-*", local: ["$1", "team"] },
    { remote: "*-*-x", local: ["$2.$1"] },
  ];
  assertEquals(mapRoles(map, ["admin"]), ["dev", "ops"]);
  assertEquals(mapRoles(map, ["Admin", "administrator", "xadmin"]), []);
  assertEquals(mapRoles(map, ["team-db", "team-"]), ["db", "team", ""]);
  assertEquals(mapRoles(map, ["a-b-x"]), ["b.a"]);
  assertEquals(mapRoles(map, ["a-b-y", "-x"]), []);
  assertEquals(mapRoles([{ remote: "*", local: ["guest"] }], ["whatever", "else"]), ["guest"]);
  assertEquals(mapRoles([{ remote: "*", local: ["guest"] }], []), []);
  assertEquals(mapRoles([], ["admin"]), []);
});

Deno.test("mapRoles: a pattern is no regular expression, and overlapping ends do not fit", () => {
  assertEquals(mapRoles([{ remote: "a.c", local: ["x"] }], ["abc"]), []);
  assertEquals(mapRoles([{ remote: "ab*ba", local: ["x"] }], ["aba"]), []);
  assertEquals(mapRoles([{ remote: "(a+)+*", local: ["x"] }], ["aaaaaaaaaaaaaaaaaaaaaaaa!"]), []);
});

Deno.test("mappingProblem names what makes no sense", () => {
  assertEquals(mappingProblem({ remote: "a-*", local: ["$1"] }), undefined);
  assertEquals(mappingProblem({ remote: "a", local: ["$1"] }), '"$1" names star 1 of "a", which has 0');
  assertEquals(mappingProblem({ remote: "*****", local: ["x"] }), 'more than 4 stars in "*****"');
  assertEquals(mappingProblem({ remote: "", local: [] }), "the remote role is empty");
});
