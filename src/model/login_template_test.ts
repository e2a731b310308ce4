import { assertEquals } from "@std/assert";
import { expandLogins, isLoginOrTemplate, traitOf } from "./login_template.ts";

const traits = {
  logins: ["joe", "deploy"],
  unix: ["web"],
  "odd name": ["odd"],
  bad: ["a,root", "a b", "*", "", "x\n"],
};

Deno.test("templates stand for all values of a trait", () => {
  assertEquals(expandLogins(["ubuntu", "{{internal.logins}}"], traits), ["ubuntu", "joe", "deploy"]);
  assertEquals(expandLogins(["{{ external.unix }}", "web"], traits), ["web"]);
  assertEquals(expandLogins(['{{external["odd name"]}}'], traits), ["odd"]);
  assertEquals(expandLogins(["svc-{{external.unix}}-x"], traits), ["svc-web-x"]);
  assertEquals(expandLogins(["{{external.missing}}", "{{external.toString}}"], traits), []);
});

Deno.test("a value that is no login is dropped, never repaired", () => {
  assertEquals(expandLogins(["{{external.bad}}"], traits), []);
  assertEquals(expandLogins(["root-{{external.bad}}"], { bad: ["", ",root"] }), ["root-"]);
  assertEquals(expandLogins(["*", "a,b"], {}), []);
});

Deno.test("what is neither a login nor a template that is understood is known before it is stored", () => {
  for (const good of ["root", "{{internal.logins}}", "{{external.unix}}", "svc-{{external.a-b}}"]) {
    assertEquals(isLoginOrTemplate(good), true, good);
  }
  for (
    const bad of [
      "*",
      "a,b",
      "{{internal.other}}",
      "{{external}}",
      "{{external.}}",
      "{{a.b}}",
      "{external.x}",
    ]
  ) assertEquals(isLoginOrTemplate(bad), false, bad);
  assertEquals(isLoginOrTemplate("{{external.a}}{{external.b}}"), false);
  assertEquals([traitOf("{{internal.logins}}"), traitOf("root")], ["logins", undefined]);
});
