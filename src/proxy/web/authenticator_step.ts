/**
 * The part of the signup page that brings the shared secret into an authenticator app.
 * @module
 */
import { html } from "hono/html";
import { AppError } from "../../base/errors.ts";
import type { Markup } from "./layout.ts";
import { qrCodeUri } from "./qr_code.ts";

/**
 * QR code, the same secret to type by hand, and the field for the first code.
 * @throws {AppError} internal when `otpUri` is not one; the text does not repeat it.
 */
export function authenticatorStep(otpUri: string): Markup {
  const secret = sharedSecret(otpUri);
  return html`
    <fieldset>
      <legend><span class="number" aria-hidden="true">2</span>Connect your authenticator app</legend>
      <div class="scan">
        <img class="qr" src="${qrCodeUri(otpUri)}" width="184" height="184"
          alt="QR code for your authenticator app. The key beside it does the same.">
        <div>
          <p>Scan the code with an app such as Google Authenticator, Aegis, 1Password or FreeOTP.</p>
          <p class="on-phone"><a href="${otpUri}">Open in the app on this device</a></p>
          <p class="label" id="key-label">Or type this key (time based, 6 digits)</p>
          <div class="key">
            <code id="key" aria-labelledby="key-label">${inGroups(secret)}</code>
            <button type="button" class="quiet" data-copy="${secret}" aria-label="Copy the key"
              hidden>Copy</button>
          </div>
        </div>
      </div>
    </fieldset>
    <fieldset>
      <legend><span class="number" aria-hidden="true">3</span>Enter the code it shows</legend>
      <div class="field">
        <label for="code">6-digit code</label>
        <input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code"
          pattern="[0-9]{6}"
          required class="code" aria-describedby="code-hint" title="The 6 digits your authenticator app shows">
        <p class="hint" id="code-hint">The code changes every 30 seconds.</p>
      </div>
    </fieldset>
  `;
}

function sharedSecret(otpUri: string): string {
  const url = URL.parse(otpUri);
  const secret = url?.searchParams.get("secret") ?? "";
  if (url?.protocol !== "otpauth:" || !/^[A-Z2-7]+=*$/i.test(secret)) {
    throw new AppError("internal", "the auth service gave an invite without a usable otpauth URI");
  }
  return secret;
}

/** Groups of four are easier to copy by eye. */
function inGroups(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(" ") ?? "";
}
