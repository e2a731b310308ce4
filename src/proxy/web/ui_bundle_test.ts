import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import { Hono } from "hono";
import type { WebEnv } from "./context.ts";
import { serveUiFiles } from "./ui_bundle.ts";

const CODE = "console.log('the interface');\n".repeat(20);
const app = new Hono<WebEnv>();
serveUiFiles(app, {
  index: "",
  files: { "main.abc.js": { type: "text/javascript", gzip: gzipSync(CODE).toString("base64") } },
});

Deno.test("a file of the interface is kept for good, and compressed for those who take it", async () => {
  const ask = (accept?: string) =>
    app.request("/web/assets/main.abc.js", {
      headers: accept === undefined ? {} : { "accept-encoding": accept },
    });
  const small = await ask("br, gzip");
  assertEquals(small.headers.get("content-encoding"), "gzip");
  assertEquals(small.headers.get("cache-control"), "public, max-age=31536000, immutable");
  assertEquals(small.headers.get("content-type"), "text/javascript");
  assertEquals(gunzipSync(Buffer.from(await small.arrayBuffer())).toString(), CODE);
  for (const refused of [undefined, "identity", "br;q=1, gzip;q=0"]) {
    const plain = await ask(refused);
    assertEquals(plain.headers.get("content-encoding"), null);
    assertEquals(await plain.text(), CODE);
  }
});
