import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../../../src/base/errors.ts";
import { parseScpCall } from "./flags.ts";
import { parseLocation } from "./location.ts";

Deno.test("a colon makes a name remote, unless a slash stands before it", () => {
  const remote = (login: string | undefined, host: string, path: string, port = 0) => ({
    login,
    host,
    port,
    path,
  });
  for (
    const [text, wanted] of [
      ["luna:file", remote(undefined, "luna", "file")],
      ["root@luna:/etc/a b", remote("root", "luna", "/etc/a b")],
      ["joe@corp@luna:", remote("joe@corp", "luna", "")],
      ["[::1]:x", remote(undefined, "::1", "x")],
      ["root@[fe80::1]:x", remote("root", "fe80::1", "x")],
      ["scp://root@luna:2222/dir/x", remote("root", "luna", "dir/x", 2222)],
      ["scp://luna", remote(undefined, "luna", "")],
      ["luna:a:b", remote(undefined, "luna", "a:b")],
      ["./a:b", { local: "./a:b" }],
      ["/tmp/a:b", { local: "/tmp/a:b" }],
      ["file", { local: "file" }],
    ] as const
  ) {
    assertEquals(parseLocation(text), wanted, text);
  }
  assertThrows(() => parseLocation("env=prod:x"), AppError, "are labels");
  assertThrows(() => parseLocation("-oProxyCommand=x:y"), AppError);
  assertThrows(() => parseLocation(""), AppError);
});

Deno.test("flags stand anywhere, and the last name is the target", () => {
  const call = parseScpCall([
    "-rpP",
    "2222",
    "a",
    "-q",
    "b",
    "--cluster=east",
    "luna:",
    "-o",
    "User=joe",
    "-l",
    "800",
  ]);
  const { recursive, preserve, quiet, port, cluster, sources, target, limit } = call;
  assertEquals({ recursive, preserve, quiet, port, cluster, limit, login: call.ssh.login }, {
    recursive: true,
    preserve: true,
    quiet: true,
    port: 2222,
    cluster: "east",
    limit: 102_400,
    login: "joe",
  });
  assertEquals([sources.length, target], [2, { login: undefined, host: "luna", port: 0, path: "" }]);
});

Deno.test("a wrong call is refused with what to write", () => {
  for (
    const [args, text] of [
      [["a"], /where to/],
      [["a", "b"], /none of the names is on a node/],
      [["-Z", "a", "luna:"], /-Z is not a flag of scp/],
      [["-P", "x", "a", "luna:"], /-P: "x" is not a port/],
      [["-l", "0", "a", "luna:"], /-l: "0" is no limit/],
    ] as const
  ) {
    assertMatch(assertThrows(() => parseScpCall(args), AppError).message, text);
  }
});

Deno.test("whatever the arguments are, they are read or refused", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom("-o", "-P", "--", "luna:", "-r", "scp://", "@:", "[:"),
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 8 }), (args) => {
    try {
      parseScpCall(args);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }));
});
