/**
 * Style sheets, scripts and the icon of the web front. They live in the program, so there is nothing to install and no
 * file to read.
 * @module
 */
import { createHash } from "node:crypto";
import type { WebApp } from "./context.ts";
import { iconSvg } from "./assets/icon_svg.ts";
import { pageCss } from "./assets/page_css.ts";
import { pageJs } from "./assets/page_js.ts";
import { signupCss } from "./assets/signup_css.ts";
import { signupJs } from "./assets/signup_js.ts";

const CSS = "text/css; charset=utf-8";
const JS = "text/javascript; charset=utf-8";

/** Names of what is served under `/web/assets/`. */
export type AssetName = "icon.svg" | "page.css" | "page.js" | "signup.css" | "signup.js";

const ASSETS: Record<AssetName, Asset> = {
  "icon.svg": asset("image/svg+xml", iconSvg),
  "page.css": asset(CSS, pageCss),
  "page.js": asset(JS, pageJs),
  "signup.css": asset(CSS, signupCss),
  "signup.js": asset(JS, signupJs),
};

interface Asset {
  type: string;
  content: string;
  version: string;
}

function asset(type: string, content: string): Asset {
  return { type, content, version: createHash("sha256").update(content).digest("hex").slice(0, 16) };
}

/** The URL of an asset. It changes with the content, so that a browser may keep the answer for good. */
export function assetUrl(name: AssetName): string {
  return `/web/assets/${name}?v=${ASSETS[name].version}`;
}

/**
 * Adds the routes of the assets. Another version than ours is answered with ours, uncached: while proxies behind one
 * balancer are upgraded, a page and its style may come from two of them.
 */
export function serveAssets(app: WebApp): void {
  for (const [name, { type, content, version }] of Object.entries(ASSETS)) {
    app.get(`/web/assets/${name}`, (c) => {
      const current = c.req.query("v") === version;
      return c.body(content, 200, {
        "Content-Type": type,
        "Cache-Control": current ? "public, max-age=31536000, immutable" : "no-cache",
      });
    });
  }
}
