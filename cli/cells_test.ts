import { assertEquals } from "@std/assert";
import { measureOf } from "./cells.ts";

Deno.test("letters of East Asia and emoji take two cells, combining marks none", async () => {
  const texts = ["", "db1", "データ", "e\u0301", "🚀", "Ünï"];
  assertEquals(texts.map(await measureOf(texts)), [0, 3, 6, 1, 2, 3]);
  assertEquals(["", "db1"].map(await measureOf(["db1"])), [0, 3]);
});
