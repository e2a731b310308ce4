/**
 * Security keys as the second factor: registered in a real browser with a virtual key, used there and by `tsh` through a
 * stand-in for `u2f-host` that has the same key.
 * @module
 */
import { Buffer } from "node:buffer";
import { createPrivateKey } from "node:crypto";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CDPSession } from "playwright-core";
import { CHROMIUM, RealBrowser, screenshot } from "../kit/browser.ts";
import { Daemon } from "../kit/cluster.ts";
import { freePort } from "../kit/machine.ts";
import { runProgram } from "../kit/run.ts";
import { SoftwareKey } from "../kit/security_key.ts";
import { PASSWORD } from "../kit/user.ts";
import { WebBrowser } from "../kit/web_browser.ts";

const LOGIN = Deno.env.get("USER") ?? "root";

/** A daemon whose users have security keys, served at `https://localhost:port`. */
function start(change: { port: number; facets?: string[]; appId?: string; directory?: string }) {
  const { port } = change;
  const origin = `https://localhost:${port}`;
  return Daemon.start({
    directory: change.directory,
    auth: {
      authentication: {
        second_factor: "u2f",
        u2f: { app_id: change.appId ?? origin, ...(change.facets ? { facets: change.facets } : {}) },
      },
    },
    proxy: { web_listen_addr: `127.0.0.1:${port}`, public_addr: `localhost:${port}` },
  });
}

/** A folder with a `u2f-host` that has the key of `file`. */
async function withU2fHost(directory: string, file: string): Promise<Record<string, string>> {
  const bin = `${directory}/bin`;
  await Deno.mkdir(bin, { recursive: true });
  const program = new URL("../kit/u2f_host.ts", import.meta.url).pathname;
  await Deno.writeTextFile(
    `${bin}/u2f-host`,
    `#!/bin/sh\nexec "${Deno.execPath()}" run -A -q --no-lock "${program}" "$@"\n`,
    { mode: 0o755 },
  );
  return { PATH: `${bin}:${Deno.env.get("PATH")}`, U2F_KEY: file };
}

async function invite(daemon: Daemon, name: string): Promise<string> {
  const text = await daemon.tctlOk("users", "add", name, LOGIN, "--format=json");
  return JSON.parse(text).url.split("/").at(-1);
}

async function register(daemon: Daemon, name: string, key: SoftwareKey): Promise<void> {
  await registerAgain(daemon, await invite(daemon, name), key);
}

/** Registers a key of software by the API, as a browser would. @param link the invitation, or its token */
async function registerAgain(daemon: Daemon, link: string, key: SoftwareKey): Promise<void> {
  const browser = await WebBrowser.open(daemon);
  const token = link.split("/").at(-1);
  const options = await browser.ask("GET", `/v1/webapi/u2f/signuptokens/${token}`);
  const answer = await browser.ask("POST", "/v1/webapi/u2f/users", {
    body: { invite_token: token, pass: PASSWORD, u2f_register_response: key.register(options.json.u2f) },
  });
  assertEquals(answer.status, 200, answer.text);
}

async function tsh(daemon: Daemon, args: string[], env: Record<string, string>) {
  return await runProgram("tsh", ["--insecure", ...args], {
    stdin: `${PASSWORD}\n`,
    env: { HOME: daemon.directory, USER: "joe", ...env },
  });
}

async function virtualKey(devtools: CDPSession): Promise<string> {
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "u2f", transport: "usb", automaticPresenceSimulation: true },
  });
  return authenticatorId;
}

Deno.test({
  name:
    "in a browser: a security key is registered, logs in, changes the password and is replaced; tsh uses it, too",
  ignore: CHROMIUM === undefined,
  async fn() {
    await using browser = await RealBrowser.start();
    const port = freePort();
    const origin = `https://localhost:${port}`;
    await using daemon = await start({ port });
    const { page, context } = await browser.window(origin);
    const devtools = await context.newCDPSession(page);
    const authenticatorId = await virtualKey(devtools);

    await page.goto(`/web/newuser/${await invite(daemon, "joe")}`);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("Repeat the password").fill(PASSWORD);
    await screenshot(page, "signup_security_key");
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByRole("heading", { name: "You are all set, joe" }).waitFor();

    const signIn = async (password: string) => {
      await page.getByLabel("User name").fill("joe");
      await page.getByRole("textbox", { name: "Password" }).fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
    };
    await page.goto("/web/login");
    await page.getByText("You are asked for your security key next.").waitFor();
    await screenshot(page, "login_security_key");
    await signIn("not the password");
    await page.getByRole("alert").getByText("User name, password or security key is not right.").waitFor();
    await signIn(PASSWORD);
    await page.getByRole("heading", { name: "Nodes" }).waitFor();

    const { credentials: [credential] } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
    assertEquals(credential?.rpId ?? "localhost", "localhost");
    const key = createPrivateKey({
      key: Buffer.from(credential?.privateKey ?? "", "base64"),
      format: "der",
      type: "pkcs8",
    });
    const same = new SoftwareKey(origin, Buffer.from(credential?.credentialId ?? "", "base64"), key);
    same.counter = (credential?.signCount ?? 0) + 1;
    const file = `${daemon.directory}/key.json`;
    await Deno.writeTextFile(file, same.save());
    const env = await withU2fHost(daemon.directory, file);
    const login = await tsh(daemon, ["login", `--proxy=${origin.slice("https://".length)}`], env);
    assertEquals(login.code, 0, login.stderr);
    assertStringIncludes(login.stderr, "Please press the button on your U2F key");
    const shell = await tsh(daemon, ["ssh", `${LOGIN}@alpha`, "echo reached"], env);
    assertEquals([shell.stdout, shell.code], ["reached\n", 0], shell.stderr);

    // The virtual key has to be ahead of what its twin has signed.
    const { counter } = JSON.parse(await Deno.readTextFile(file));
    await devtools.send("WebAuthn.removeCredential", {
      authenticatorId,
      credentialId: credential?.credentialId ?? "",
    });
    await devtools.send("WebAuthn.addCredential", {
      authenticatorId,
      credential: {
        credentialId: credential?.credentialId ?? "",
        isResidentCredential: false,
        rpId: "localhost",
        privateKey: credential?.privateKey ?? "",
        signCount: counter + 1,
      },
    });
    await page.goto("/web/account");
    await page.getByRole("heading", { name: "Use another security key" }).waitFor();
    await screenshot(page, "account_security_key");
    const password = page.locator("section").filter({ hasText: "Change the password" });
    await password.getByRole("textbox", { name: "Password now" }).fill(PASSWORD);
    await password.getByRole("textbox", { name: "New password", exact: true }).fill("another password");
    await password.getByRole("textbox", { name: "New password, again" }).fill("another password");
    await password.getByRole("button", { name: "Change the password" }).click();
    await page.getByText("Your password was changed.").waitFor();
    const another = page.locator("section").filter({ hasText: "Use another security key" });
    await another.getByRole("textbox", { name: "Password" }).fill("another password");
    await another.getByRole("button", { name: "Begin" }).click();
    await page.getByText("The new security key is in force").waitFor();
    const old = await tsh(daemon, ["login", "--ttl=60"], env);
    assertEquals(old.code, 1);
    assertMatch(old.stderr, /authenticator error/); // the cluster asks for the new one
    assertEquals(browser.complaints.filter((text) => !/status of 40[13]/.test(text)), []);
  },
});

Deno.test("ping names the app_id; tsh asks u2f-host, and says what to install where there is none", async () => {
  const port = freePort();
  const origin = `https://localhost:${port}`;
  await using daemon = await start({ port });
  const key = new SoftwareKey(origin);
  await register(daemon, "joe", key);
  const ping = await (await WebBrowser.open(daemon)).ask("GET", "/webapi/ping");
  assertEquals(ping.json.auth, {
    type: "local",
    second_factor: "u2f",
    u2f: { app_id: origin, facets: [origin] },
  });
  const file = `${daemon.directory}/key.json`;
  await Deno.writeTextFile(file, key.save());
  const proxy = `--proxy=${origin.slice("https://".length)}`;
  const none = await tsh(daemon, ["login", proxy], {});
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, '"u2f-host", which is not installed: apt-get install u2f-host');
  const env = await withU2fHost(daemon.directory, file);
  const elsewhere = await tsh(daemon, ["login", proxy.replace("localhost", "127.0.0.1")], env);
  assertEquals(elsewhere.code, 1);
  assertMatch(elsewhere.stderr, /does not list https:\/\/127\.0\.0\.1:\d+ among the addresses/);
  // Without a valid certificate, ssh logs in on its way.
  const shell = await tsh(daemon, [proxy, "ssh", `${LOGIN}@alpha`, "echo reached"], env);
  assertEquals([shell.stdout, shell.code], ["reached\n", 0], shell.stderr);
  const other = `${daemon.directory}/other.json`;
  await Deno.writeTextFile(other, new SoftwareKey(origin).save());
  const wrong = await tsh(daemon, ["login", proxy, "--ttl=60"], { ...env, U2F_KEY: other });
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.stderr, "no security key has answered: error: authenticator error");
  // A backup has the key, and tells it only with the secrets.
  assertStringIncludes(await daemon.tctlOk("get", "users", "--with-secrets"), `app_id: '${origin}'`);
  assertEquals((await daemon.tctlOk("get", "users")).includes("security_key"), false);
  assertStringIncludes(await daemon.tctlOk("get", "cap"), origin);
});

Deno.test("a new proxy must be listed in facets; another app_id ends what was registered", async () => {
  const other = "https://localhost:4";
  const directory = await Deno.makeTempDir({ prefix: "teleport-facets-" });
  const port = freePort();
  const appId = `https://localhost:${port}`;
  const key = new SoftwareKey("https://localhost:3");
  const challenge = async (daemon: Daemon) => {
    const browser = await WebBrowser.open(daemon);
    return (await browser.ask("POST", "/v1/webapi/u2f/signrequest", { body: { user: "joe" } })).json;
  };
  const signIn = async (daemon: Daemon, answer: unknown) => {
    const browser = await WebBrowser.open(daemon);
    const body = { user: "joe", pass: PASSWORD, u2f_sign_response: answer };
    return (await browser.ask("POST", "/v1/webapi/u2f/sessions", { body })).status;
  };
  try {
    {
      await using daemon = await start({ directory, port, facets: ["https://localhost:3"] });
      await register(daemon, "joe", key);
      assertEquals(await signIn(daemon, key.answerBrowser(await challenge(daemon))), 200);
      assertEquals(await signIn(daemon, key.answerBrowser(await challenge(daemon), { origin: other })), 403);
      const { json } = await (await WebBrowser.open(daemon)).ask("GET", "/.well-known/webauthn");
      assertEquals(json, { origins: ["https://localhost:3"] });
    }
    {
      await using daemon = await start({ directory, port, facets: ["https://localhost:3", other] });
      assertEquals(await signIn(daemon, key.answerBrowser(await challenge(daemon), { origin: other })), 200);
    }
    await using daemon = await start({
      directory,
      port,
      appId: `${appId}/app.json`,
      facets: ["https://localhost:3"],
    });
    assertEquals(await signIn(daemon, key.answerBrowser(await challenge(daemon))), 403);
    await daemon.event("user.login", ({ error }) => error === `the security key was registered for ${appId}`);
    const { url } = JSON.parse(await daemon.tctlOk("users", "reset", "joe", "--format=json"));
    await registerAgain(daemon, url, key);
    assertEquals(await signIn(daemon, key.answerBrowser(await challenge(daemon))), 200);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("security keys are off by default: their addresses refuse", async () => {
  await using daemon = await Daemon.start();
  const browser = await WebBrowser.open(daemon);
  const asked = await browser.ask("POST", "/v1/webapi/u2f/signrequest", { body: { user: "joe" } });
  assertEquals([asked.status >= 400, asked.json.message], [true, "this cluster does not use security keys"]);
  const ping = await browser.ask("GET", "/webapi/ping");
  assertEquals(ping.json.auth, { type: "local", second_factor: "otp" });
  assertEquals((await browser.ask("GET", "/.well-known/webauthn")).status, 404);
});
