/**
 * The part of the signup page that registers a security key. It needs scripts: only they can ask a browser for it.
 * @module
 */
import { html } from "hono/html";
import type { RegistrationOptions } from "../../model/security_key.ts";
import type { Markup } from "./layout.ts";

export function securityKeyStep(options: RegistrationOptions): Markup {
  return html`
    <fieldset id="security-key" data-options="${JSON.stringify(options)}">
      <legend><span class="number" aria-hidden="true">2</span>Register your security key</legend>
      <p>Plug in or hold ready a key that speaks FIDO U2F or FIDO2. The browser asks for it when you go on below: touch
        it when it blinks.</p>
      <p class="hint" id="key-state" role="status">No key is registered yet.</p>
      <noscript><p class="alert">Registering a key needs JavaScript.</p></noscript>
    </fieldset>
  `;
}
