/**
 * Where a single sign-on ends for the browser: pages that say how it went. Of what failed they are told a word that
 * stands for a fixed text, so that no link can put words into their mouth.
 * @module
 */
import { html } from "hono/html";
import { SSO_FAILURES, type SsoFailure } from "../../model/sso.ts";
import { layout, type Markup } from "./layout.ts";
import type { Site } from "./notice_page.ts";

/** After a login from the terminal. */
export function loginDonePage(site: Site): Markup {
  return layout({
    title: "Signed in",
    clusterName: site.clusterName,
    body: html`
      <div class="card">
        <p class="eyebrow"><span class="light"></span>Signed in</p>
        <h1>You are signed in</h1>
        <p class="lead">Your terminal has its certificate. You can close this window and go on there.</p>
      </div>
    `,
  });
}

export function loginFailedPage(site: Site, why: SsoFailure): Markup {
  return layout({
    title: "Sign-in failed",
    clusterName: site.clusterName,
    body: html`
      <div class="card">
        <p class="eyebrow">Sign in</p>
        <h1>You could not be signed in</h1>
        <p class="lead">${SSO_FAILURES[why]}</p>
        <p><a href="/web/login">Go to the sign-in page</a></p>
      </div>
    `,
  });
}
