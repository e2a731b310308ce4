import { assertEquals } from "@std/assert";
import { CHROMIUM, RealBrowser, screenshot } from "../kit/browser.ts";
import { Daemon } from "../kit/cluster.ts";
import { write } from "../kit/sso/cluster_login.ts";
import { GithubServer } from "../kit/sso/github_server.ts";
import { OidcServer } from "../kit/sso/oidc_server.ts";

const LOGIN = Deno.env.get("USER") ?? "root";

Deno.test({
  name: "in a browser: one button for each connector leads through the provider to the page one wanted",
  ignore: CHROMIUM === undefined,
  async fn(t) {
    await using browser = await RealBrowser.start();
    await using github = await GithubServer.start();
    await using daemon = await Daemon.start({ auth: { authentication: { type: "github" } } });
    const proxy = await daemon.webAddress();
    await using oidc = await OidcServer.start(proxy, {
      ann: { email: "ann@example.com", groups: ["admins"] },
    });
    const origin = `https://${proxy}`;
    const teams = [{ organization: "octocats", team: "admins", logins: [LOGIN] }];
    const roles = [{ claim: "groups", value: "admins", roles: ["ops"] }];
    const ops = {
      kind: "role",
      version: "v3",
      metadata: { name: "ops" },
      spec: { allow: { logins: [LOGIN], node_labels: { "*": "*" } } },
    };
    await write(
      daemon,
      ops,
      github.connector(proxy, teams),
      oidc.connector(proxy, { claims_to_roles: roles }),
    );
    const { page } = await browser.window(origin);

    await t.step(
      "the login page has the buttons, in every light and width, and a password on demand",
      async () => {
        await page.goto("/web/nodes?search=alpha");
        await page.getByRole("link", { name: "Continue with Github" }).waitFor();
        await screenshot(page, "login_sso");
        await page.emulateMedia({ colorScheme: "dark" });
        await screenshot(page, "login_sso_dark");
        await page.emulateMedia({ colorScheme: "light" });
        await page.setViewportSize({ width: 360, height: 640 });
        await screenshot(page, "login_sso_narrow");
        await page.setViewportSize({ width: 1280, height: 800 });
        assertEquals(await page.getByLabel("User name").count(), 0);
        await page.getByRole("button", { name: "Sign in with a password" }).click();
        await page.getByLabel("User name").waitFor();
        assertEquals(await page.evaluate(() => document.activeElement?.id), "username");
        await screenshot(page, "login_sso_password");
      },
    );

    await t.step("who is in no team is told so on a page of ours", async () => {
      github.account = { login: "octocat", id: 1, teams: ["octocats/others"] };
      await page.getByRole("link", { name: "Continue with Github" }).click();
      await page.getByRole("heading", { name: "You could not be signed in" }).waitFor();
      await screenshot(page, "login_sso_failed");
      await page.emulateMedia({ colorScheme: "dark" });
      await screenshot(page, "login_sso_failed_dark");
      await page.emulateMedia({ colorScheme: "light" });
    });

    await t.step("by keyboard alone, through GitHub, to the page one wanted", async () => {
      github.account = { login: "octocat", id: 1, teams: ["octocats/admins"] };
      await page.goto("/web/nodes?search=alpha");
      await page.getByRole("link", { name: "Continue with Github" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Nodes" }).waitFor();
      assertEquals(await page.getByLabel("Search nodes").inputValue(), "alpha");
      await page.getByRole("button", { name: `Connect to alpha as ${LOGIN}` }).waitFor();
      await page.reload();
      await page.getByRole("heading", { name: "Nodes" }).waitFor();
      // There is no password here that could be changed.
      await page.goto("/web/account");
      await page.getByText("You sign in with").waitFor();
      assertEquals(await page.getByLabel("New password").count(), 0);
    });

    await t.step("through an OpenID provider's own pages", async () => {
      const { page: other } = await browser.window(origin);
      await other.goto("/web/login");
      await other.getByRole("link", { name: "Continue with Corp" }).click();
      await other.locator("input[name=login]").fill("ann");
      await other.locator("input[name=password]").fill("x");
      await other.locator("button[type=submit]").click();
      await other.locator("button[type=submit]").filter({ hasText: /continue/i }).click();
      await other.getByText("Your roles allow no login").or(other.getByRole("heading", { name: "Nodes" }))
        .waitFor();
    });
    assertEquals(
      browser.complaints.filter((text) => text.startsWith(origin) && !/status of 40[13]/.test(text)),
      [],
    );
  },
});
