/**
 * The login page: user, password, code, or a button for each identity provider, which come first where the cluster says
 * so. What was wrong with a password or code it does not know and does not say.
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { CodeField } from "../components/code_field.tsx";
import { type ConnectorItem, ConnectorList } from "../components/connector_list.tsx";
import { Mark } from "../components/icon.tsx";
import { Notice, useTitle } from "../components/page.tsx";
import { PasswordField } from "../components/password_field.tsx";
import { RequestFailure, sentence } from "../failure.ts";
import { codeOf, useForm } from "../form.ts";
import { useLoaded } from "../loaded.ts";
import { requestJson } from "../request.ts";
import { proveByKey } from "../security_key.ts";
import { placeAfterLogin } from "../route.ts";
import { place } from "../router.ts";
import { logIn } from "../session.ts";

/** What the page asks the proxy before anybody is logged in. */
interface Ping {
  auth: { type: string; second_factor: string; connectors?: ConnectorItem[] };
  cluster_name: string;
}

export function LoginPage({ notice }: { notice?: string | undefined }) {
  useTitle("Sign in");
  const { value: ping } = useLoaded((signal) => requestJson<Ping>("/ping", { signal, loggingIn: true }));
  const user = useRef<HTMLInputElement>(null);
  const [withPassword, setWithPassword] = useState(false);
  useEffect(() => user.current?.focus(), [withPassword]);
  const { busy, failure, submit } = useForm(async (word, form) => {
    try {
      const user = word("username").trim();
      await logIn({
        user,
        pass: word("password"),
        ...(ping?.auth.second_factor === "u2f"
          ? { u2f_sign_response: await proveByKey(user) }
          : { second_factor_token: codeOf(word("code")) }),
      });
    } catch (error) {
      // A code works once: the next attempt needs another.
      const code = form.querySelector<HTMLInputElement>("[name=code]");
      if (code) code.value = "";
      form.querySelector<HTMLInputElement>("[name=password]")?.focus();
      throw error;
    }
  });
  const { connectors = [], type = "local" } = ping?.auth ?? {};
  const elsewhere = type !== "local" && connectors.length > 0;
  const returnTo = placeAfterLogin(place.value.query.get("next"));
  const passwordForm = (
    <form noValidate onSubmit={submit}>
      <div class="field">
        <label for="username">User name</label>
        <input
          ref={user}
          id="username"
          name="username"
          type="text"
          autocomplete="username"
          autocapitalize="off"
          spellcheck={false}
          required
          autofocus
        />
      </div>
      <PasswordField label="Password" name="password" autocomplete="current-password" />
      {ping?.auth.second_factor === "otp" && <CodeField label="Code from your authenticator app" />}
      {ping?.auth.second_factor === "u2f" && (
        <p class="small soft" role="status">
          {busy ? "Touch your security key when it blinks." : "You are asked for your security key next."}
        </p>
      )}
      <button type="submit" class="wide" aria-disabled={busy}>{busy ? "Signing in…" : "Sign in"}</button>
    </form>
  );
  return (
    <main class="entrance">
      <div class="logo">
        <Mark />Teleport
      </div>
      <div class="card">
        <h1>Sign in</h1>
        <p class="lead">
          {ping
            ? (
              <>
                to <strong>{ping.cluster_name}</strong>
              </>
            )
            : "\u00a0"}
        </p>
        {failure !== undefined
          ? <Notice tone="bad">{explain(failure, ping?.auth.second_factor)}</Notice>
          : notice !== undefined
          ? <Notice tone="fair">{notice}</Notice>
          : null}
        {connectors.length > 0 && <ConnectorList connectors={connectors} returnTo={returnTo} />}
        {elsewhere && !withPassword
          ? (
            <button type="button" class="quiet wide" onClick={() => setWithPassword(true)}>
              Sign in with a password
            </button>
          )
          : passwordForm}
      </div>
      <p class="foot">No account yet? Ask an administrator for an invitation.</p>
    </main>
  );
}

/** One text for all that can be wrong with what was typed; others for what is not the user's doing. */
function explain(failure: unknown, factor: string | undefined): string {
  const status = failure instanceof RequestFailure ? failure.status : 0;
  if (status === 400 || status === 401 || status === 403) {
    return factor === "u2f"
      ? "User name, password or security key is not right."
      : "User name, password or code is not right. Each code works once: wait for the next one and try again.";
  }
  return sentence(failure);
}
