import { assertEquals } from "@std/assert";
import { didYouMean, editDistance, nearest } from "./suggest.ts";

Deno.test("editDistance counts additions, drops, changes and swaps", () => {
  assertEquals(editDistance("", "abc"), 3);
  assertEquals(editDistance("nodname", "nodename"), 1);
  assertEquals(editDistance("ab", "ba"), 1);
  assertEquals(editDistance("kitten", "sitting"), 3);
  assertEquals(editDistance("same", "same"), 0);
});

Deno.test("nearest finds a mistyped name and leaves strange ones alone", () => {
  const known = ["nodename", "data_dir", "log"];
  assertEquals(nearest("nodname", known), "nodename");
  assertEquals(nearest("DATA_DIR", known), "data_dir");
  assertEquals(nearest("zebra", known), undefined);
  assertEquals(nearest("x".repeat(100_000), known), undefined);
});

Deno.test("didYouMean is empty when nothing is near", () => {
  assertEquals(didYouMean("lgo", ["log"]), '; did you mean "log"?');
  assertEquals(didYouMean("zebra", ["log"]), "");
});
