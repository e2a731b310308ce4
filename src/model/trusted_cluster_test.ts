import { assertEquals } from "@std/assert";
import { foreignUserName, isForeignUserName, isUserName } from "./name.ts";
import { namesOverlap } from "./trusted_cluster.ts";

Deno.test("names overlap when a pattern for the hosts of one covers hosts of the other", () => {
  const cases: [string, string, boolean][] = [
    ["main", "main", true],
    ["main", "MAIN", true],
    ["sub.main", "main", true],
    ["example.com", "east.example.com", true],
    ["main", "domain", false],
    ["main", "main.east", false],
    ["east.example.com", "west.example.com", false],
  ];
  for (const [a, b, overlap] of cases) {
    assertEquals([namesOverlap(a, b), namesOverlap(b, a)], [overlap, overlap], `${a} ${b}`);
  }
});

Deno.test("no user of this cluster can be called as one of another is", () => {
  const name = foreignUserName("joe", "main");
  assertEquals([name, isForeignUserName(name), isUserName(name)], ["main:joe", true, false]);
  for (const other of ["joe", "main:", ":joe", "a:b:c", "main:joe doe", "ma in:joe", "joe@main"]) {
    assertEquals(isForeignUserName(other), false, other);
  }
});
