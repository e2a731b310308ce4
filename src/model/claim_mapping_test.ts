import { assertEquals } from "@std/assert";
import { mappedRoles, patternProblem } from "./claim_mapping.ts";

const roles = (value: string, told: string[], names = ["x"]) =>
  mappedRoles([{ claim: "groups", value, roles: names }], { groups: told });

Deno.test("a mapping's value is a word, a pattern with stars, or an anchored expression; case counts", () => {
  assertEquals(roles("admin", ["admin"]), ["x"]);
  assertEquals(roles("admin", ["Admin", "admins", "xadmin", "admin\n"]), []);
  assertEquals(roles("okta-*", ["okta-", "other"]), ["x"]);
  assertEquals(roles("a.c+", ["abcc"]), []);
  assertEquals(roles("^team-(.*)$", ["team-blue", "team-red"], ["dev-$1", "dev-${1}"]), [
    "dev-blue",
    "dev-red",
  ]);
  assertEquals(roles("^(a)?b$", ["b"], ["$1", "plain"]), ["plain"], "an empty group leaves no role");
  assertEquals(roles("^a", ["^a"]), ["x"], "without its end it is a word");
  assertEquals(roles("*", ["y".repeat(513)]), [], "what is longer than any group's name");
});

Deno.test("claims that objects have anyway map to nothing", () => {
  assertEquals(mappedRoles([{ claim: "constructor", value: "*", roles: ["x"] }], {}), []);
  assertEquals(mappedRoles([{ claim: "a", value: "b", roles: ["x"] }], { b: ["b"] }), []);
});

Deno.test("expressions that a hostile value could make run for ever are refused", () => {
  for (const value of ["^(a+)+$", "^(a*)*$", "^(a|b+){5,}$", "^(?=a)a$", "^(a)\\1$"]) {
    assertEquals(patternProblem(value)?.startsWith("repeats"), true, value);
    assertEquals(roles(value, ["aaaa", "a"]), [], value);
  }
  assertEquals(patternProblem("^(a$"), "is no regular expression");
  assertEquals(patternProblem("^team-(a|b)-[0-9]+$"), undefined);
  assertEquals(patternProblem("(not one"), undefined);
});
