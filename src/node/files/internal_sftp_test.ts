import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { isInternalSftp, parseInternalSftp, UNRESTRICTED } from "./internal_sftp.ts";

const user = { name: "joe", home: "/home/joe" };
const parse = (command: string) => parseInternalSftp(command, user);

Deno.test("only the name itself means sftp", () => {
  assertEquals(["internal-sftp", "internal-sftp -R", "internal-sftp\t-e"].map(isInternalSftp), [
    true,
    true,
    true,
  ]);
  assertEquals(["internal-sftpx", " internal-sftp", "/bin/internal-sftp", ""].map(isInternalSftp), [
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("the options of sftp-server are understood", () => {
  assertEquals(parse("internal-sftp"), UNRESTRICTED);
  assertEquals(parse("internal-sftp -e -f AUTH -l VERBOSE"), UNRESTRICTED);
  assertEquals(parse("internal-sftp -R -u 077 -d %d/in/%u%% -P remove,rmdir -P setstat -p open,read"), {
    readOnly: true,
    umask: 0o077,
    startDirectory: "/home/joe/in/joe%",
    denied: ["remove", "rmdir", "setstat"],
    allowed: ["open", "read"],
  });
});

Deno.test("what is not understood refuses the session rather than to restrict it less", () => {
  for (const options of ["-x", "-u 9", "-u", "-d", "-P", "-p", "-r", "read-only", "-R,-u"]) {
    assertThrows(() => parse(`internal-sftp ${options}`), AppError, "cannot be served");
  }
});
