import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { buildUi, UI_FILE } from "./build_ui.ts";
import type { UiBundle } from "../src/proxy/web/ui_bundle.ts";

async function built(): Promise<UiBundle> {
  await buildUi();
  return JSON.parse(await Deno.readTextFile(UI_FILE));
}

Deno.test("the built interface holds every file that its page and its parts name, and nothing inline", async () => {
  const { index, files } = await built();
  const named = [...index.matchAll(/"\/web\/assets\/([^"]+)"/g)].map(([, name = ""]) => name);
  assertEquals(named.map((name) => name.split(".").at(-1)), ["svg", "css", "js"]);
  for (const [name, { type, gzip }] of Object.entries(files)) {
    if (!type.startsWith("text/javascript")) continue;
    const code = gunzipSync(Buffer.from(gzip, "base64")).toString();
    const parts = [...code.matchAll(/(?:from|import)\s*\(?"\.\/([\w.-]+)"/g)].map(([, part = ""]) => part);
    for (const part of parts) assert(Object.hasOwn(files, part), `${name} imports ${part}`);
  }
  for (const name of named) assert(Object.hasOwn(files, name), name);
  assertEquals(/<script(?![^>]* src=)|<style| on\w+=| style=/.test(index), false);
});

Deno.test("the interface is built anew only when its sources have changed", async () => {
  await buildUi();
  const before = await Deno.stat(UI_FILE);
  await buildUi();
  assertEquals((await Deno.stat(UI_FILE)).mtime, before.mtime);
});
