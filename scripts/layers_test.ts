import { assertEquals } from "@std/assert";
import { checkImport, checkPackage, checkRuntimeUse, findCycles } from "./layers.ts";

Deno.test("an import upwards, between roles, or of the store is refused", () => {
  const bad = (from: string, to: string) => checkImport({ from, to }) !== undefined;
  assertEquals(bad("src/base/log.ts", "src/model/user.ts"), true);
  assertEquals(bad("src/auth/users.ts", "src/proxy/route.ts"), true);
  assertEquals(bad("src/proxy/route.ts", "src/store/backend.ts"), true);
  assertEquals(bad("src/node/exec.ts", "src/ssh/ssh2/library.ts"), true);
  assertEquals(bad("cli/tsh/tsh.ts", "tests/kit/run.ts"), true);
  assertEquals(bad("src/auth/users.ts", "src/store/backend.ts"), false);
  assertEquals(bad("src/daemon/supervisor.ts", "src/auth/start.ts"), false);
  assertEquals(bad("src/auth/users_test.ts", "src/proxy/route.ts"), false);
});

Deno.test("what runs in the browser knows the nouns, and of the API only the types", () => {
  const bad = (to: string, typeOnly = false) =>
    checkImport({ from: "src/ui/api.ts", to, typeOnly }) !== undefined;
  assertEquals(bad("src/model/web.ts"), false);
  assertEquals(bad("src/api/contract.ts", true), false);
  assertEquals(bad("src/api/contract.ts"), true);
  assertEquals(bad("src/base/clock.ts"), true);
  assertEquals(bad("src/proxy/web/ui_bundle.ts", true), true);
  assertEquals(checkImport({ from: "src/proxy/web/app.ts", to: "src/ui/main.tsx" }) !== undefined, true);
});

Deno.test("packages and the runtime stay in their homes", () => {
  assertEquals(checkPackage("src/node/exec.ts", "ssh2"), "only src/ssh/ssh2/ imports ssh2");
  assertEquals(checkPackage("src/ssh/ssh2/library.ts", "ssh2/lib/Channel.js"), undefined);
  assertEquals(checkRuntimeUse("src/api/join.ts", "await Deno.readTextFile(path)") !== undefined, true);
  assertEquals(checkRuntimeUse("src/api/join.ts", '// Deno.readTextFile\n const a = "Deno.x";'), undefined);
});

Deno.test("cycles are found", () => {
  const cycles = findCycles([{ from: "a", to: "b" }, { from: "b", to: "c" }, { from: "c", to: "a" }, {
    from: "c",
    to: "d",
  }]);
  assertEquals(cycles, [["a", "b", "c", "a"]]);
});
