/**
 * Script of the signup form: live password rules, and sending the form without leaving the page.
 * @module
 */

/** JavaScript source. */
export const signupJs = `"use strict";
(() => {
  const element = (id) => document.getElementById(id);
  const form = element("signup");
  const password = element("password");
  const confirm = element("confirm");
  const code = element("code"); // absent unless the cluster asks for codes
  const securityKey = element("security-key"); // absent unless it asks for security keys
  const submit = element("submit");
  const alert = element("alert");
  const min = Number(password.dataset.min);
  const max = Number(password.dataset.max);
  const user = form.elements.username.value;

  const fits = () => {
    const length = [...password.value].length;
    return length >= min && length <= max;
  };
  const same = () => password.value === confirm.value;

  // A hint, not a rule: how much there is to guess if characters were drawn at random, less what is easy to guess.
  const strength = () => {
    const text = password.value;
    if (!fits()) return 0;
    const kinds = [[/[a-z]/, 26], [/[A-Z]/, 26], [/[0-9]/, 10], [/[^a-zA-Z0-9]/, 33]];
    const pool = kinds.reduce((sum, [kind, size]) => sum + (kind.test(text) ? size : 0), 0);
    let fresh = 0;
    for (let i = 0; i < text.length; i++) {
      const step = i === 0 ? 9 : Math.abs(text.charCodeAt(i) - text.charCodeAt(i - 1));
      fresh += step <= 1 ? 0.25 : text.indexOf(text[i]) < i ? 0.6 : 1;
    }
    const lower = text.toLowerCase();
    const guessable = lower.includes(user.toLowerCase()) || /passw|qwert|letmein|teleport|admin|1234/.test(lower);
    const bits = fresh * Math.log2(pool || 1) * (guessable ? 0.5 : 1);
    return bits < 28 ? 1 : bits < 46 ? 2 : bits < 66 ? 3 : 4;
  };

  const mark = (id, met, known) => {
    const rule = element(id);
    rule.dataset.state = !known ? "" : met ? "met" : "unmet";
    rule.querySelector(".visually-hidden").textContent = !known ? "" : met ? " (met)" : " (not met)";
  };

  const review = () => {
    mark("rule-length", fits(), password.value !== "");
    mark("rule-match", same(), confirm.value !== "");
    const score = strength();
    element("meter").dataset.score = score;
    element("rule-strength").hidden = score === 0;
    element("rule-strength").querySelector("b").textContent =
      ["", "weak, add a few words", "fair", "good", "strong"][score];
    for (const field of [password, confirm]) field.removeAttribute("aria-invalid");
  };

  const complain = (text, field) => {
    alert.textContent = text;
    alert.hidden = text === "";
    if (!field) return;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  };

  // The first thing wrong with what was typed: a text and the field it is about.
  const mistake = () => {
    if (!fits()) return ["The password must have " + min + " to " + max + " characters.", password];
    if (!same()) return ["The two passwords are not the same.", confirm];
    if (code && !/^[0-9]{6}$/.test(code.value)) {
      return ["Enter the 6 digits your authenticator app shows.", code];
    }
    return null;
  };

  // What is wrong is said by the error that this throws.
  const register = async () => {
    if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
      throw new Error("This browser does not know security keys. Use a recent Chrome, Edge, Firefox or Safari.");
    }
    const state = element("key-state");
    state.textContent = "Touch your security key now…";
    try {
      const options = JSON.parse(securityKey.dataset.options);
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
      const registered = await navigator.credentials.create({ publicKey });
      state.textContent = "The key has answered.";
      return registered.toJSON();
    } catch (error) {
      state.textContent = "No key is registered yet.";
      const wrongPlace = error.name === "SecurityError";
      throw new Error(
        wrongPlace
          ? "Security keys are used at https://" + JSON.parse(securityKey.dataset.options).rp.id + " only. " +
            "Open the invitation there."
          : "No security key has answered. Plug it in, try again, and touch it when it blinks.",
      );
    }
  };

  const send = async () => {
    const key = securityKey ? { u2f_register_response: await register() } : {};
    const answer = await fetch("/webapi/users", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        invite_token: form.dataset.token,
        pass: password.value,
        second_factor_token: code ? code.value : "",
        ...key,
      }),
      signal: AbortSignal.timeout(30000),
    });
    if (answer.ok) return "";
    const { message } = await answer.json();
    return message.charAt(0).toUpperCase() + message.slice(1) + ".";
  };

  const finish = () => {
    form.reset();
    form.remove();
    element("signup-card").remove();
    element("done").hidden = false;
    element("done-title").focus();
    document.title = "Account ready · Teleport";
    // The link is used up; a reload should not tell so as if something had failed.
    history.replaceState(null, "", "/web");
    scrollTo(0, 0);
  };

  const busy = (on) => {
    submit.setAttribute("aria-disabled", String(on));
    submit.textContent = on ? "Creating your account…" : "Create account";
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.getAttribute("aria-disabled") === "true") return;
    const found = mistake();
    if (found) return complain(...found);
    complain("");
    busy(true);
    try {
      const refusal = await send();
      if (refusal === "") return finish();
      complain(refusal, code ?? password);
      code?.select();
    } catch (error) {
      const unreachable = error instanceof TypeError || error.name === "TimeoutError";
      complain(unreachable ? "The server could not be reached. Check your connection and try again." : error.message);
    } finally {
      busy(false);
    }
  });

  element("reveal").addEventListener("click", ({ currentTarget: button }) => {
    const show = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(show));
    button.textContent = show ? "Hide" : "Show";
    for (const field of [password, confirm]) field.type = show ? "text" : "password";
  });

  password.addEventListener("input", review);
  confirm.addEventListener("input", review);
  code?.addEventListener("input", () => {
    code.value = code.value.replace(/[^0-9]/g, "").slice(0, 6);
    code.removeAttribute("aria-invalid");
  });

  form.noValidate = true;
  for (const id of ["reveal", "meter"]) element(id).hidden = false;
  review();
})();
`;
