/**
 * The page behind an invite link: choose a password, set up the authenticator, done.
 * @module
 */
import { html } from "hono/html";
import type { Secret } from "../../base/secret.ts";
import { MINUTE } from "../../base/duration.ts";
import { commandBlock, commandPattern, loginCommand } from "./command_block.ts";
import type { Invite } from "./gateway.ts";
import { layout, type Markup } from "./layout.ts";
import { sentence, type Site } from "./notice_page.ts";
import { authenticatorStep } from "./authenticator_step.ts";
import { securityKeyStep } from "./security_key_step.ts";

/** Bounds on a password's length, in characters, as the page explains them. The auth service has the last word. */
const MIN_PASSWORD = 6;
const MAX_PASSWORD = 128;

/** What the signup page shows. */
export interface SignupView {
  invite: Invite;
  token: Secret<string>;
  now: number;
  /** Why the last attempt failed, when the form was sent without scripts. */
  error?: string;
}

/** The signup form, with the panel that follows it already there for the script to reveal. */
export function signupPage(site: Site, view: SignupView): Markup {
  const { invite, token, now, error } = view;
  const { otpUri, securityKey } = invite;
  const action = `/web/newuser/${token.reveal()}`;
  return layout({
    title: "Create your account",
    clusterName: site.clusterName,
    scripts: ["signup.js"],
    body: html`
      <div class="card" id="signup-card">
        <p class="eyebrow">Invitation</p>
        <h1>Welcome, ${invite.user}</h1>
        <p class="lead">${otpUri !== undefined
          ? "Choose a password and connect your authenticator app"
          : securityKey
          ? "Choose a password and register your security key"
          : "Choose a password"} to
      activate your account. This link works once and expires in ${timeLeft(invite.expires - now)}.</p>
        <form id="signup" method="post" action="${action}" data-token="${token.reveal()}">
      <input class="visually-hidden" type="text" name="username" value="${invite
        .user}" autocomplete="username"
      readonly tabindex="-1" aria-hidden="true">
      ${passwordStep(otpUri !== undefined || securityKey !== undefined)}
      ${otpUri === undefined ? "" : authenticatorStep(otpUri)}
      ${securityKey ? securityKeyStep(securityKey) : ""}
      <div class="alert" id="alert" role="alert" ${error === undefined ? "hidden" : ""}>${error === undefined
        ? ""
        : sentence(error)}</div>
      <button type="submit" class="primary" id="submit">Create account</button>
        </form>
      </div>
      ${donePanel(site, invite.user, true)}
    `,
  });
}

/** What a browser without scripts gets after a successful signup. */
export function signupDonePage(site: Site, user: string): Markup {
  return layout({
    title: "Account ready",
    clusterName: site.clusterName,
    body: donePanel(site, user, false),
  });
}

function donePanel(site: Site, user: string, hidden: boolean): Markup {
  return html`
    <div class="card" id="done" ${hidden ? "hidden" : ""}>
      <p class="eyebrow"><span class="light"></span>Account ready</p>
      <h1 tabindex="-1" id="done-title">You are all set, ${user}</h1>
      <p class="lead">Your account is active. Continue here, or in a terminal.</p>
      <p><a class="primary" href="/web/login">Sign in here</a></p>
      <h2>In a terminal</h2>
      <ol class="todo">
        <li><p>Sign in. You are asked for what you have just set up.</p>
    ${commandBlock(loginCommand(site.publicHost, user))}</li>
        <li><p>See the servers you may use.</p>
    ${commandBlock("tsh ls")}</li>
        <li><p>Open a shell on one of them.</p>
    ${commandPattern("tsh ssh <login>@<node>")}</li>
      </ol>
      <p class="fine">You can close this page.</p>
    </div>
  `;
}

function passwordStep(numbered: boolean): Markup {
  return html`
    <fieldset>
      <legend>${numbered
        ? html`<span class="number" aria-hidden="true">1</span>`
        : ""}Choose a password</legend>
      <div class="field">
        <label for="password">Password</label>
        <div class="with-button">
          <input id="password" name="password" type="password" required minlength="${MIN_PASSWORD}"
            autocomplete="new-password" autocapitalize="off" spellcheck="false" aria-describedby="rules"
            data-min="${MIN_PASSWORD}" data-max="${MAX_PASSWORD}" autofocus>
          <button type="button" class="quiet" id="reveal" aria-pressed="false" aria-label="Show passwords"
            hidden>Show</button>
        </div>
        <div class="meter" id="meter" data-score="0"
          hidden><span></span><span></span><span></span><span></span></div>
      </div>
      <div class="field">
        <label for="confirm">Repeat the password</label>
        <input id="confirm" name="confirm" type="password" required autocomplete="new-password"
          autocapitalize="off"
          spellcheck="false" aria-describedby="rules">
      </div>
      <ul class="rules" id="rules">
        <li id="rule-length">${MIN_PASSWORD} to ${MAX_PASSWORD} characters<span class="visually-hidden"></span></li>
        <li id="rule-match">Both entries are the same<span class="visually-hidden"></span></li>
        <li id="rule-strength" hidden aria-live="polite">Strength: <b></b></li>
      </ul>
    </fieldset>
  `;
}

function timeLeft(ms: number): string {
  const minutes = Math.max(1, Math.ceil(ms / MINUTE));
  if (minutes === 1) return "a minute";
  return minutes <= 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} hours`;
}
