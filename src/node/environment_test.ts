import { assertEquals } from "@std/assert";
import { clientMaySet, parseUserEnvironment } from "./environment.ts";

Deno.test("a client sets its locale but not what decides about the session or loads code", () => {
  for (const name of ["LANG", "LC_ALL", "COLORTERM", "MY_VARIABLE"]) {
    assertEquals(clientMaySet(name, "x", false), true, name);
  }
  const refused = [
    "LD_PRELOAD",
    "PATH",
    "HOME",
    "SHELL",
    "BASH_ENV",
    "ENV",
    "SSH_CONNECTION",
    "TELEPORT_X",
    "A B",
    "",
    "X=Y",
  ];
  for (const name of refused) assertEquals(clientMaySet(name, "x", false), false, name);
  assertEquals(clientMaySet("A", "x\0y", false), false);
});

Deno.test("with a forced command only the locale may be set", () => {
  assertEquals(clientMaySet("LC_TIME", "C", true), true);
  assertEquals(clientMaySet("MY_VARIABLE", "x", true), false);
});

Deno.test("the user's environment file has NAME=value lines; comments and reserved names are left out", () => {
  const text = "# comment\nEDITOR=vi\n  TZ=UTC  \nLD_PRELOAD=/x.so\nPATH=/evil\nbroken line\nEMPTY=\n";
  assertEquals(parseUserEnvironment(text), { EDITOR: "vi", TZ: "UTC", EMPTY: "" });
});
