/**
 * Pages that say one thing: the landing page, a dead link, an error.
 * @module
 */
import { html } from "hono/html";
import { commandBlock, commandPattern, loginCommand } from "./command_block.ts";
import { layout, type Markup } from "./layout.ts";

/** What every page knows about the place it is served from. */
export interface Site {
  clusterName: string;
  publicHost: string;
}

/** The page at the root: what this server is and how to get in. */
export function landingPage(site: Site, version: string): Markup {
  return layout({
    title: "Access",
    clusterName: site.clusterName,
    body: html`<div class="card">
<p class="eyebrow"><span class="light"></span>This proxy is up</p>
<h1>Sign in to ${site.clusterName}</h1>
<p class="lead">This is the entrance to the servers of this cluster. Sign in from a terminal; you get a
certificate that works for a few hours and no keys to look after.</p>
<h2>From your terminal</h2>
${commandBlock(loginCommand(site.publicHost))}
${commandBlock("tsh ls")}
${commandPattern("tsh ssh <login>@<node>")}
<h2>No account yet?</h2>
<p>Ask an administrator of the cluster for an invitation. You receive a link to a page like this one, where you
choose a password.</p>
<p class="fine">Version ${version}</p>
</div>`,
  });
}

/** The answer to a signup link that is unknown, used up or too old. */
export function deadInvitePage(site: Site): Markup {
  return layout({
    title: "Link not valid",
    clusterName: site.clusterName,
    body: html`<div class="card">
<p class="eyebrow">Invitation</p>
<h1>This link no longer works</h1>
<p class="lead">Invitation links work once and only for a short time. This one was used already, has expired, or
was not copied completely.</p>
<h2>What to do</h2>
<ul class="plain">
<li>Ask your administrator for a new link.</li>
<li>If you have set your password already, you are done with this page. <a href="/web/login">Sign in here</a>, or
from a terminal:</li>
</ul>
${commandBlock(loginCommand(site.publicHost))}
</div>`,
  });
}

/** An error for a person. `message` is plain text. */
export function errorPage(site: Site, status: number, message: string): Markup {
  return layout({
    title: status === 404 ? "Page not found" : "Error",
    clusterName: site.clusterName,
    body: html`
      <div class="card">
        <p class="eyebrow">Error ${status}</p>
        <h1>${status === 404 ? "There is no such page" : "That did not work"}</h1>
        <p class="lead">${sentence(message)}</p>
        <p><a href="/web">Go to the start page</a></p>
      </div>
    `,
  });
}

/** An error text, which begins small by our custom, as a sentence on a page. */
export function sentence(message: string): string {
  const end = /[.!?]$/.test(message) ? "" : ".";
  return message.charAt(0).toUpperCase() + message.slice(1) + end;
}
