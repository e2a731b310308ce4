import { assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { checkDocument } from "../../model/resource/parse.ts";
import { lineOf, summaryOf, TEMPLATES } from "./resource_text.ts";

Deno.test("a message leads to the line that it speaks of", () => {
  const text = "kind: role\nmetadata:\n  name: x\nspec:\n  allow:\n    logns: [root]\n";
  assertEquals(lineOf('unknown field "logns" in spec.allow; did you mean "logins"?', text), 6);
  assertEquals(lineOf("at line 3, column 4: bad indentation", text), 3);
  assertEquals(lineOf("spec.allow.logns[0]: not a login", text), 6);
  assertEquals(lineOf("the server could not be reached", text), undefined);
});

Deno.test("a role is summed up", () => {
  const spec = { allow: { logins: ["root"], node_labels: { env: "prod" }, rules: [{}, {}] } };
  const document = { kind: "role", version: "v3", metadata: { name: "x" }, spec } as const;
  assertEquals(summaryOf(document), "logins root · nodes env: prod · 2 rules");
});

Deno.test("what editors begin with are resources, whose names and secrets are to be filled in", () => {
  for (const [kind, text] of Object.entries(TEMPLATES)) {
    const checked = checkDocument(parse(text));
    assertEquals("document" in checked ? checked.document.kind : checked.problems, kind as never);
  }
});
