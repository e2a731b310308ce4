import { assertArrayIncludes, assertEquals } from "@std/assert";
import { isRoot, withUser } from "./test_kit.ts";
import { currentUser, lookupGroupId, lookupUser } from "./user.ts";

Deno.test("lookupUser knows root", () => {
  const root = lookupUser("root");
  assertEquals([root?.name, root?.uid, root?.gid, root?.home], ["root", 0, 0, "/root"]);
  assertArrayIncludes(root?.groups ?? [], [0]);
});

Deno.test("lookupUser gives undefined for nobody's and impossible names", () => {
  const names = [
    "",
    "no such user",
    "nosuchuser",
    "root\0",
    "root:x",
    "ro\not",
    "../root",
    "\x7f",
    "a".repeat(300),
    "\ud800",
  ];
  for (const name of names) assertEquals(lookupUser(name), undefined, JSON.stringify(name));
});

Deno.test("lookupGroupId finds tty", () => {
  assertEquals(lookupGroupId("tty"), 5);
  assertEquals(lookupGroupId("nosuchgroup"), undefined);
});

Deno.test("currentUser is who runs this", () => {
  assertEquals(currentUser().uid, Deno.uid());
  assertEquals(currentUser().gid, Deno.gid());
});

Deno.test({
  name: "lookupUser lists supplementary groups",
  ignore: !isRoot,
  fn: () =>
    withUser((user) => {
      const expected = [user.gid, lookupGroupId("audio"), lookupGroupId("games")];
      assertEquals(new Set<number | undefined>(user.groups), new Set(expected));
      assertEquals(user.shell, "/bin/bash");
      return Promise.resolve();
    }),
});
