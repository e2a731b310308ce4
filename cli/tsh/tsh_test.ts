import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../src/base/errors.ts";
import { parseProxy } from "./login.ts";
import { ttlMs } from "./options.ts";
import { parseLabels, parseTarget } from "./ssh/target.ts";
import { withCommand } from "./tsh.ts";

Deno.test("a proxy address names host, web port and SSH port", () => {
  assertEquals(parseProxy("work"), { host: "work", webPort: 3080, sshPort: undefined });
  assertEquals(parseProxy("work:443"), { host: "work", webPort: 443, sshPort: undefined });
  assertEquals(parseProxy("work:5000,5001"), { host: "work", webPort: 5000, sshPort: 5001 });
  assertEquals(parseProxy("work:,5001"), { host: "work", webPort: 3080, sshPort: 5001 });
  assertEquals(parseProxy("[::1]:443"), { host: "::1", webPort: 443, sshPort: undefined });
  assertEquals(parseProxy("https://work:443/"), { host: "work", webPort: 443, sshPort: undefined });
  for (const bad of ["", "a b", "work:x", "http://work", "work:0", "work:65536", "work:443,70000"]) {
    assertThrows(() => parseProxy(bad), AppError);
  }
});

Deno.test("without a command the first argument is a host to ssh to", () => {
  assertEquals(withCommand(["--proxy=work", "--user=joe", "root@luna"]), [
    "--proxy=work",
    "--user=joe",
    "ssh",
    "root@luna",
  ]);
  assertEquals(withCommand(["--proxy", "work", "root@luna", "ls"]), [
    "--proxy",
    "work",
    "ssh",
    "root@luna",
    "ls",
  ]);
  assertEquals(withCommand(["--ttl=1", "login"]), ["--ttl=1", "login"]);
  assertEquals(withCommand(["--help"]), ["--help"]);
});

Deno.test("--ttl counts minutes and keeps to the limits", () => {
  assertEquals(ttlMs("1"), 60_000);
  assertEquals(ttlMs("8h"), 8 * 3_600_000);
  assertEquals(ttlMs(undefined), undefined);
  for (const bad of ["0", "1801", "31h", "x", "-1"]) assertThrows(() => ttlMs(bad), AppError);
});

Deno.test("a target is [user@]host", () => {
  assertEquals(parseTarget("luna"), { login: undefined, host: "luna", port: 0 });
  assertEquals(parseTarget("root@luna"), { login: "root", host: "luna", port: 0 });
  assertEquals(parseTarget("joe@corp@luna"), { login: "joe@corp", host: "luna", port: 0 });
  for (const bad of ["", "root@", "@luna"]) assertThrows(() => parseTarget(bad), AppError);
});

Deno.test("labels in a filter are key=value pairs", () => {
  assertEquals(parseLabels("env=prod,role=db"), { env: "prod", role: "db" });
  assertThrows(() => parseLabels("env"), AppError);
});
