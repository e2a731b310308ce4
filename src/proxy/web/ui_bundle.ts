/**
 * The web interface as the proxy serves it: one page, and files named after their content.
 * @module
 */
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import type { WebApp } from "./context.ts";

/** A file of the interface. */
export interface UiFile {
  /** Its Content-Type. */
  type: string;
  /** Its content, compressed, in base64. */
  gzip: string;
}

/** What the build makes of `src/ui`. */
export interface UiBundle {
  /** The page; every address below `/web` that is nothing else answers it. */
  index: string;
  /** By name below `/web/assets/`. The name changes with the content. */
  files: Record<string, UiFile>;
}

/** Adds the files of the interface. A browser may keep them for good. */
export function serveUiFiles(app: WebApp, { files }: UiBundle): void {
  for (const [name, { type, gzip }] of Object.entries(files)) {
    const compressed = Uint8Array.from(Buffer.from(gzip, "base64"));
    app.get(`/web/assets/${name}`, (c) => {
      const accepts = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:[,\s]|$))/.test(
        c.req.header("accept-encoding") ?? "",
      );
      return c.body(accepts ? compressed : Uint8Array.from(gunzipSync(compressed)), 200, {
        "Content-Type": type,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
        ...(accepts ? { "Content-Encoding": "gzip" } : {}),
      });
    });
  }
}
