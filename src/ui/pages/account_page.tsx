/**
 * The user's own account: who they are here, their password, their second factor.
 * @module
 */
import { useState } from "preact/hooks";
import type { RegistrationOptions } from "../../model/security_key.ts";
import type { WebLogin, WebUserContext } from "../../model/web.ts";
import { useCell } from "../cell.ts";
import { CodeField } from "../components/code_field.tsx";
import { CopyText } from "../components/copy_text.tsx";
import { Moment } from "../components/moment.tsx";
import { Notice, Page } from "../components/page.tsx";
import { PasswordField } from "../components/password_field.tsx";
import { ThemeChoice } from "../components/theme_switch.tsx";
import { tell } from "../components/toasts.tsx";
import { sentence } from "../failure.ts";
import { codeOf, useForm } from "../form.ts";
import { request, requestJson } from "../request.ts";
import { proveByKey, registerKey } from "../security_key.ts";
import { session } from "../session.ts";
import type { PageInput } from "./page_input.ts";

export function AccountPage({ context }: PageInput) {
  return (
    <Page title="Your account" scrolls>
      <div class="columns">
        <Facts context={context} />
        {context.connector === undefined && (
          <>
            <PasswordCard context={context} />
            {context.second_factor === "otp" && <AuthenticatorCard />}
            {context.second_factor === "u2f" && <SecurityKeyCard context={context} />}
          </>
        )}
      </div>
    </Page>
  );
}

function Facts({ context }: { context: WebUserContext }) {
  const state = useCell(session);
  return (
    <section class="card">
      <h2>{context.user}</h2>
      <p>What you may do here follows from your roles.</p>
      <dl class="facts">
        <dt>Roles</dt>
        <dd>{context.roles.join(", ") || "none"}</dd>
        <dt>Logins</dt>
        <dd>{context.logins.join(", ") || "none"}</dd>
        {context.connector !== undefined && (
          <>
            <dt>You sign in with</dt>
            <dd>{context.connector}</dd>
          </>
        )}
        <dt>Cluster</dt>
        <dd>{context.cluster}</dd>
        <dt>Version</dt>
        <dd class="number">{context.version}</dd>
        <dt>Session ends</dt>
        <dd>{state.kind === "in" ? <Moment at={state.endsAt} /> : null}</dd>
        <dt>Colours</dt>
        <dd>
          <ThemeChoice />
        </dd>
      </dl>
    </section>
  );
}

/** The fields of a request that prove the second factor. */
async function proof({ second_factor, user }: WebUserContext, code: string): Promise<Partial<WebLogin>> {
  if (second_factor === "u2f") return { u2f_sign_response: await proveByKey(user) };
  return { second_factor_token: codeOf(code) };
}

function PasswordCard({ context }: { context: WebUserContext }) {
  const { busy, failure, submit } = useForm(async (word, form) => {
    if (word("new-password") !== word("repeat")) throw new Error("the two new passwords are not the same");
    await request("/users/password", {
      method: "PUT",
      body: {
        old_password: word("old-password"),
        new_password: word("new-password"),
        ...await proof(context, word("password-code")),
      },
    });
    form.reset();
    tell("Your password was changed. Your other sessions in browsers were ended.");
  });
  return (
    <section class="card">
      <h2>Change the password</h2>
      <p>Other browsers in which you are signed in are signed out.</p>
      <form noValidate onSubmit={submit}>
        <PasswordField label="Password now" name="old-password" autocomplete="current-password" />
        <PasswordField
          label="New password"
          name="new-password"
          autocomplete="new-password"
          hint="6 characters or more"
        />
        <PasswordField label="New password, again" name="repeat" autocomplete="new-password" />
        {context.second_factor === "otp" && (
          <CodeField label="Code from your authenticator app" name="password-code" />
        )}
        <Refused failure={failure} />
        <button type="submit" aria-disabled={busy}>{busy ? "Changing…" : "Change the password"}</button>
      </form>
    </section>
  );
}

/** What the server proposes for the authenticator app. */
interface Enrolment {
  uri: string;
  /** The address of an image, or the image itself as SVG. */
  qr: string;
}

function SecurityKeyCard({ context }: { context: WebUserContext }) {
  const { busy, failure, submit } = useForm(async (word, form) => {
    const { u2f } = await requestJson<{ u2f: RegistrationOptions }>("/users/secondfactor", {
      method: "POST",
      body: { pass: word("key-password"), ...await proof(context, "") },
    });
    await request("/users/secondfactor", {
      method: "PUT",
      body: { u2f_register_response: await registerKey(u2f) },
    });
    form.reset();
    tell("The new security key is in force; the old one no longer works.");
  });
  return (
    <section class="card">
      <h2>Use another security key</h2>
      <p>
        The browser asks for the present key first, then for the new one. The old one works until the new one
        is registered.
      </p>
      <form noValidate onSubmit={submit}>
        <PasswordField label="Password" name="key-password" autocomplete="current-password" />
        <Refused failure={failure} />
        <button type="submit" class="plain" aria-disabled={busy}>{busy ? "Touch the key…" : "Begin"}</button>
      </form>
    </section>
  );
}

function AuthenticatorCard() {
  const [enrolment, setEnrolment] = useState<Enrolment>();
  return (
    <section class="card">
      <h2>Set up the second factor anew</h2>
      <p>For a new phone or authenticator app. The old one works until the new one is proven.</p>
      {enrolment
        ? <ConfirmFactor enrolment={enrolment} onDone={() => setEnrolment(undefined)} />
        : <ProveFactor onProven={setEnrolment} />}
    </section>
  );
}

function ProveFactor({ onProven }: { onProven: (enrolment: Enrolment) => void }) {
  const { busy, failure, submit } = useForm(async (word) => {
    onProven(
      await requestJson<Enrolment>("/users/secondfactor", {
        method: "POST",
        body: { pass: word("factor-password"), second_factor_token: codeOf(word("factor-code")) },
      }),
    );
  });
  return (
    <form noValidate onSubmit={submit}>
      <PasswordField label="Password" name="factor-password" autocomplete="current-password" />
      <CodeField label="Code from the present app" name="factor-code" />
      <Refused failure={failure} />
      <button type="submit" class="plain" aria-disabled={busy}>Begin</button>
    </form>
  );
}

function ConfirmFactor({ enrolment, onDone }: { enrolment: Enrolment; onDone: () => void }) {
  const { busy, failure, submit } = useForm(async (word) => {
    await request("/users/secondfactor", {
      method: "PUT",
      body: { second_factor_token: codeOf(word("new-code")) },
    });
    tell("The new authenticator is in force; the old one no longer works.");
    onDone();
  });
  const secret = URL.parse(enrolment.uri)?.searchParams.get("secret") ?? "";
  return (
    <form noValidate onSubmit={submit}>
      <img class="qr" src={imageAddress(enrolment.qr)} alt="QR code for your authenticator app" />
      <div class="field">
        <span class="small soft">Or type this key (time based, 6 digits)</span>
        <CopyText text={secret} label="Copy the key" />
      </div>
      <CodeField label="Code that the new app shows" name="new-code" />
      <Refused failure={failure} />
      <div class="line">
        <button type="submit" aria-disabled={busy}>Use the new app from now on</button>
        <button type="button" class="plain" onClick={onDone}>Cancel</button>
      </div>
    </form>
  );
}

function imageAddress(qr: string): string {
  return qr.startsWith("<") ? `data:image/svg+xml,${encodeURIComponent(qr)}` : qr;
}

function Refused({ failure }: { failure: unknown }) {
  if (failure === undefined) return null;
  return (
    <div style={{ marginBottom: "1rem" }}>
      <Notice tone="bad">{sentence(failure)}</Notice>
    </div>
  );
}
