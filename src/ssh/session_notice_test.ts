import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../base/errors.ts";
import { readSessionNotice, writeSessionNotice } from "./session_notice.ts";
import { WireReader } from "./wire.ts";

const sid = "a5e1ff2c-2f65-4a1f-8f0c-8f5c3a9f9a11";
const read = (notice: Parameters<typeof writeSessionNotice>[0]) =>
  readSessionNotice(new WireReader(writeSessionNotice(notice)));

Deno.test("a notice says which session it is, and how large", () => {
  assertEquals(read({ sid, columns: 132, rows: 43 }), { sid, columns: 132, rows: 43 });
});

Deno.test("a server cannot tell of a screen that is too large to be shown, nor of a session that is none", () => {
  assertEquals(read({ sid, columns: 2 ** 32 - 1, rows: 0 }), { sid, columns: 4096, rows: 1 });
  assertThrows(() => read({ sid: "../../logout?", columns: 80, rows: 24 }), AppError, "no uuid");
});
