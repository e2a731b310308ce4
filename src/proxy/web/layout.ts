/**
 * The frame around every page: head, brand bar, footer.
 * @module
 */
import { html } from "hono/html";
import { assetUrl } from "./assets.ts";

/** Markup made by an `html` template: every value put into it was escaped. */
export type Markup = ReturnType<typeof html>;

/** What a page puts into the frame. */
export interface Page {
  /** Shown in the browser's tab, before the product's name. */
  title: string;
  /** The cluster this proxy belongs to. */
  clusterName: string;
  body: Markup;
  /** Names of scripts beside the shared one. */
  scripts?: readonly ("signup.js")[];
}

/** A whole HTML document. */
export function layout({ title, clusterName, body, scripts = [] }: Page): Markup {
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex, nofollow">
    <title>${title} · Teleport</title>
    <link rel="icon" type="image/svg+xml" href="${assetUrl("icon.svg")}">
    <link rel="stylesheet" href="${assetUrl("page.css")}">
    <link rel="stylesheet" href="${assetUrl("signup.css")}">
    <script src="${assetUrl("page.js")}" defer></script>
    ${scripts.map((name) => html`<script src="${assetUrl(name)}" defer></script>`)}
      </head>
      <body>
        <header class="bar">
          <img src="${assetUrl("icon.svg")}" alt="" width="28" height="28">
          <span class="brand">Teleport</span>
          <span class="cluster"><span class="visually-hidden">Cluster </span>${clusterName}</span>
        </header>
        <main>
    ${body}
        </main>
      </body>
    </html>
  `;
}
