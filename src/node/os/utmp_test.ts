import { assertEquals } from "@std/assert";
import { loginRecord, recordLogin, recordLogout } from "./utmp.ts";

const login = { tty: "/dev/pts/4", pid: 4711, user: "luna", host: "192.0.2.7" };
const AT = 1_700_000_000_250;

Deno.test({
  name: "a record has the layout of struct utmp",
  ignore: Deno.build.arch !== "x86_64",
  fn() {
    const record = loginRecord(login, AT);
    const view = new DataView(record.buffer);
    const text = (at: number, room: number) =>
      new TextDecoder().decode(record.subarray(at, at + room)).replace(/\0+$/, "");
    assertEquals(record.length, 384);
    assertEquals([view.getInt16(0, true), view.getInt32(4, true)], [7, 4711]);
    assertEquals([text(8, 32), text(40, 4), text(44, 32), text(76, 256)], [
      "pts/4",
      "/4",
      "luna",
      "192.0.2.7",
    ]);
    assertEquals([view.getInt32(340, true), view.getInt32(344, true)], [1_700_000_000, 250_000]);
    assertEquals([...record.subarray(348, 352)], [192, 0, 2, 7]);
    assertEquals(
      text(44, 32) !== "" && new DataView(loginRecord(login, AT, true).buffer).getInt16(0, true),
      8,
    );
  },
});

Deno.test("logins and their ends reach both files", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const files = { utmp: `${directory}/utmp`, wtmp: `${directory}/wtmp` };
    await Deno.writeFile(files.utmp, new Uint8Array());
    await Deno.writeFile(files.wtmp, new Uint8Array());
    assertEquals(recordLogin(login, AT, files), { utmp: true, wtmp: true });
    assertEquals(await Deno.readFile(files.utmp), loginRecord(login, AT));
    assertEquals(recordLogout(login, AT + 5000, files), { utmp: true, wtmp: true });
    assertEquals(await Deno.readFile(files.utmp), loginRecord(login, AT + 5000, true));
    const both = new Uint8Array([...loginRecord(login, AT), ...loginRecord(login, AT + 5000, true)]);
    assertEquals(await Deno.readFile(files.wtmp), both);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("missing files are told and not made", () => {
  const files = { utmp: "/nonexistent/utmp", wtmp: "/nonexistent/wtmp" };
  assertEquals(recordLogin(login, AT, files), { utmp: false, wtmp: false });
});

Deno.test("long names are cut to their fields", () => {
  const record = loginRecord({ ...login, user: "u".repeat(40), host: "h".repeat(300) }, AT);
  assertEquals(record[44 + 31], "u".charCodeAt(0));
  assertEquals(record[44 + 32], "h".charCodeAt(0));
});
