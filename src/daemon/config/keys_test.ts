import { assertEquals } from "@std/assert";
import * as v from "valibot";
import { checkKeys, inert } from "./keys.ts";

const schema = v.object({
  teleport: v.object({
    nodename: v.optional(v.string()),
    old: inert("use new"),
    pam: inert("no pam", v.object({ on: v.unknown() })),
  }),
  ssh: v.object({ list: v.optional(v.array(v.object({ name: v.string() }))) }),
});

Deno.test("checkKeys keeps known keys, drops empty ones and adds absent sections", () => {
  const { tree, problems } = checkKeys(schema, { teleport: { nodename: null } });
  assertEquals(problems, []);
  assertEquals(tree, { teleport: {}, ssh: {} });
  assertEquals(checkKeys(schema, null).tree, { teleport: {}, ssh: {} });
});

Deno.test("checkKeys reports unknown keys at every level with a suggestion", () => {
  const { problems } = checkKeys(schema, {
    telport: "x",
    teleport: { nodname: "x", ssh: "x", pam: { no: "x" }, zebra: null },
    nodename: "x",
    ssh: { list: [{ nam: "x" }] },
    constructor: "x",
  });
  assertEquals(problems.map(({ path, message }) => `${path.join(".")}: ${message}`), [
    'telport: unknown key "telport" at the top level; did you mean "teleport"?',
    'teleport.nodname: unknown key "nodname" in "teleport"; did you mean "nodename"?',
    'teleport.ssh: unknown key "ssh" in "teleport"; it belongs at the top level',
    'teleport.pam.no: unknown key "no" in "teleport.pam"; did you mean "on"?',
    'teleport.zebra: unknown key "zebra" in "teleport"',
    'nodename: unknown key "nodename" at the top level; it belongs in "teleport"',
    'ssh.list.0.nam: unknown key "nam" in "ssh.list.0"; did you mean "name"?',
    'constructor: unknown key "constructor" at the top level',
  ]);
});

Deno.test("checkKeys warns once of a key without effect and leaves it out", () => {
  const { tree, problems, warnings } = checkKeys(schema, { teleport: { old: ["x"], pam: { on: "x" } } });
  assertEquals(problems, []);
  assertEquals(tree, { teleport: {}, ssh: {} });
  assertEquals(warnings.map(({ message }) => message), [
    '"teleport.old" is recognised, has no effect: use new',
    '"teleport.pam" is recognised, has no effect: no pam',
  ]);
});

Deno.test("checkKeys refuses a list or a text where a section belongs", () => {
  for (const value of ["x", ["x"]]) {
    assertEquals(checkKeys(schema, { teleport: value }).problems.map(({ message }) => message), [
      '"teleport" must be a mapping of keys to values',
    ]);
    assertEquals(
      checkKeys(schema, value).problems[0]?.message,
      "the file must be a mapping of keys to values",
    );
  }
});
