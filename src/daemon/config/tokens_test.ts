import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { parseTokenSource, parseTokenSpec, readToken } from "./tokens.ts";

function files(content: Record<string, string>) {
  return (path: string) => {
    const text = content[path];
    return text === undefined ? Promise.reject(new Deno.errors.NotFound(path)) : Promise.resolve(text);
  };
}

Deno.test("a static token spec has roles and a value", async () => {
  const spec = parseTokenSpec("proxy,node:s3cret");
  assertEquals(spec.roles, ["proxy", "node"]);
  assertEquals((await readToken(spec.source, files({}))).reveal(), "s3cret");
  assertEquals(parseTokenSpec("trustedcluster:x").roles, ["trusted_cluster"]);
});

Deno.test("a static token can be in a file", async () => {
  for (const spec of ["auth:/etc/token", "auth:file:///etc/token"]) {
    const { source } = parseTokenSpec(spec);
    assertEquals(source, { file: "/etc/token" });
    assertEquals((await readToken(source, files({ "/etc/token": " abc\n" }))).reveal(), "abc");
  }
});

Deno.test("a bad token spec is refused without repeating the token", () => {
  for (const spec of ["nocolon-s3cret", "node:s3cret:x", "nodes:s3cret", "node:s3 cret", "node:"]) {
    const error = assertThrows(() => parseTokenSpec(spec), AppError);
    assertEquals(error.message.includes("s3"), false, error.message);
  }
  assertThrows(() => parseTokenSpec("nod:x"), AppError, 'did you mean "node"?');
  assertThrows(() => parseTokenSource("file://relative"), AppError, "absolute path");
});

Deno.test("a token file that is missing or empty is an error that names the file", async () => {
  const source = parseTokenSource("/etc/token");
  await assertRejects(() => readToken(source, files({})), AppError, '"/etc/token": there is no such file');
  await assertRejects(
    () => readToken(source, files({ "/etc/token": "\n" })),
    AppError,
    'token file "/etc/token"',
  );
});
