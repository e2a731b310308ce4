import { assertEquals, assertStringIncludes } from "@std/assert";
import { DEFAULT_PATH, loginEnvironment, searchPath, shellCommand } from "./shell.ts";

const user = {
  name: "luna",
  uid: 1000,
  gid: 1000,
  groups: [1000],
  home: "/home/luna",
  shell: "/usr/bin/zsh",
};

Deno.test("searchPath reads login.defs", () => {
  const text =
    "# ENV_PATH PATH=/wrong\nENV_SUPATH\tPATH=/sbin:/bin\n ENV_PATH   /usr/bin:/bin  \nENV_PATHS /no\n";
  assertEquals(searchPath(text, 0), "/sbin:/bin");
  assertEquals(searchPath(text, 1000), "/usr/bin:/bin");
});

Deno.test("searchPath takes the last line and falls back", () => {
  assertEquals(searchPath('ENV_PATH /a\nENV_PATH "PATH=/b"', 1), "/b");
  assertEquals(searchPath("", 1), DEFAULT_PATH);
  assertEquals(searchPath("ENV_PATH\nENV_PATH PATH=", 1), DEFAULT_PATH);
});

Deno.test("loginEnvironment names the user", () => {
  const { PATH, ...rest } = loginEnvironment(user);
  assertStringIncludes(PATH ?? "", "/bin");
  assertEquals(rest, {
    HOME: "/home/luna",
    USER: "luna",
    LOGNAME: "luna",
    SHELL: "/usr/bin/zsh",
    LANG: "en_US.UTF-8",
  });
});

Deno.test("shellCommand gives a login shell or runs a command", () => {
  assertEquals(shellCommand(user), { path: "/usr/bin/zsh", argv: ["-zsh"] });
  assertEquals(shellCommand(user, "a 'b'"), { path: "/usr/bin/zsh", argv: ["zsh", "-c", "a 'b'"] });
  assertEquals(shellCommand(user, "").argv, ["zsh", "-c", ""]);
});
