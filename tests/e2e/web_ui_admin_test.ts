/**
 * Administration and the own account in the web interface, in a real browser on a real cluster.
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { CHROMIUM, RealBrowser, screenshot } from "../kit/browser.ts";
import { Daemon } from "../kit/cluster.ts";
import { Authenticator, PASSWORD } from "../kit/user.ts";
import { createRole, MASTER_ROLE } from "../kit/web_role.ts";

Deno.test({
  name: "in a browser: users, roles, tokens are administered; the second factor is set up anew",
  ignore: CHROMIUM === undefined,
  async fn(t) {
    await using browser = await RealBrowser.start();
    await using daemon = await Daemon.start();
    await createRole(daemon, MASTER_ROLE);
    const origin = `https://${await daemon.webAddress()}`;
    const dora = await daemon.user("dora");
    await daemon.tctlOk("users", "update", "dora", "--set-roles=master");
    const { page, context } = await browser.window(origin);
    const step = async (name: string, work: () => Promise<void>) => {
      if (await t.step(name, work)) return;
      await screenshot(page, "failed");
      throw new Error("a step failed; the rest was not tried");
    };

    await step("an invitation made here is a link that works", async () => {
      await page.goto("/web/users");
      await signIn(page, "dora", await dora.authenticator.code());
      await page.getByRole("button", { name: "Invite" }).click();
      await page.getByLabel("User name").fill("emil");
      await page.getByLabel("Logins").fill("root, deploy");
      await page.getByRole("checkbox", { name: "admin" }).check();
      await page.getByRole("button", { name: "Make the invitation" }).click();
      await page.getByRole("heading", { name: "emil is invited" }).waitFor();
      await screenshot(page, "users_link");
      const link = await page.locator("dialog .copy code").innerText();
      const { page: invited } = await browser.window(origin);
      await invited.goto(link);
      await invited.getByRole("heading", { name: "Welcome, emil" }).waitFor();
      await page.getByRole("button", { name: "Close" }).last().click();
      await daemon.signUp("emil", link);
    });

    await step("a user is changed, locked, unlocked and removed", async () => {
      await page.reload();
      await act(page, "emil", "Roles and logins");
      await page.getByRole("checkbox", { name: "master" }).check();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("emil was changed").waitFor();
      await page.getByRole("row", { name: /emil.*admin, master/ }).waitFor();
      await act(page, "emil", "Lock");
      await page.getByLabel("Reason").fill("on holiday");
      await screenshot(page, "users_lock");
      await page.getByRole("button", { name: "Lock", exact: true }).click();
      await page.getByRole("row", { name: /emil.*locked/ }).waitFor();
      await act(page, "emil", "Unlock");
      await page.getByRole("button", { name: "Unlock", exact: true }).click();
      await page.getByRole("row", { name: /emil.*active/ }).waitFor();
      await act(page, "emil", "Remove");
      await screenshot(page, "users_remove");
      await page.getByRole("button", { name: "Remove the user" }).click();
      await page.getByRole("row", { name: /emil/ }).waitFor({ state: "detached" });
      assertStringIncludes(await daemon.tctlOk("users", "ls"), "dora");
      assertEquals((await daemon.tctlOk("users", "ls")).includes("emil"), false);
    });

    await step("the editor of a role says what is wrong and where, and saves what is right", async () => {
      await page.getByRole("link", { name: "Roles" }).click();
      await page.getByRole("button", { name: "New" }).click();
      const editor = page.getByRole("textbox", { name: "YAML" });
      await editor.fill(ROLE.replace("logins:", "logns:"));
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("alert").waitFor();
      assertStringIncludes(await page.getByRole("alert").innerText(), "logns");
      await page.getByText("Look at line 7.").waitFor();
      assertEquals(await selectedText(page), '    logns: ["root"]');
      await screenshot(page, "roles_editor");
      await editor.fill(ROLE.replace("spec:", "spec: ["));
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText(/Look at line \d+\./).waitFor();
      await editor.fill(ROLE);
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("row", { name: /readers/ }).waitFor();
      await page.getByRole("row", { name: /readers/ }).getByRole("button", { name: "Edit" }).click();
      await page.getByRole("heading", { name: "role: readers" }).waitFor();
      await editor.fill(`${await editor.inputValue()}# a change\n`);
      await page.keyboard.press("Escape");
      await page.getByRole("heading", { name: "Leave without saving?" }).waitFor();
      await page.getByRole("button", { name: "Leave" }).click();
      await page.getByRole("button", { name: "Remove readers" }).click();
      await page.getByRole("button", { name: "Remove", exact: true }).click();
      await page.getByRole("row", { name: /readers/ }).waitFor({ state: "detached" });
    });

    await step("a token is made, shown with the command that uses it, and removed", async () => {
      await page.getByRole("link", { name: "Tokens" }).click();
      await page.getByRole("button", { name: "Create a token" }).click();
      await screenshot(page, "tokens_create");
      await page.getByRole("button", { name: "Create", exact: true }).click();
      await page.getByText(/teleport start --roles=node --token=/).waitFor();
      await screenshot(page, "tokens_command");
      await page.getByRole("button", { name: "Close" }).last().click();
      await page.getByRole("button", { name: "Remove this token" }).first().click();
      await page.getByRole("button", { name: "Remove the token" }).click();
      await page.getByText("The token was removed").waitFor();
    });

    await step("the second factor is set up anew; a wrong code changes nothing", async () => {
      await page.getByRole("link", { name: /dora/ }).click();
      const card = page.locator(".card").filter({ hasText: "Set up the second factor anew" });
      await card.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await card.getByLabel("Code from the present app").fill(await dora.authenticator.code());
      await card.getByRole("button", { name: "Begin" }).click();
      const phone = new Authenticator(await card.locator(".copy code").innerText());
      await screenshot(page, "account_second_factor");
      await card.getByLabel("Code that the new app shows").fill("000000");
      await card.getByRole("button", { name: "Use the new app from now on" }).click();
      await card.getByRole("alert").waitFor();
      await card.getByLabel("Code that the new app shows").fill(await phone.code());
      await card.getByRole("button", { name: "Use the new app from now on" }).click();
      await page.getByText("The new authenticator is in force").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await signIn(page, "dora", await phone.code());
    });

    const fritz = await daemon.user("fritz");
    const { page: plain } = await browser.window(origin);
    await step(
      "who may not administer is not offered it, and sees why where they go all the same",
      async () => {
        await plain.goto("/web/nodes");
        await signIn(plain, "fritz", await fritz.authenticator.code());
        assertEquals(await plain.getByRole("link", { name: "Users" }).count(), 0);
        assertEquals(await plain.getByRole("link", { name: "Tokens" }).count(), 0);
        await plain.goto("/web/users");
        await plain.getByRole("heading", { name: "This is not yours to see" }).waitFor();
        await screenshot(plain, "users_refused");
        await plain.goto("/web/roles");
        await plain.getByRole("row", { name: /master/ }).waitFor();
        assertEquals(await plain.getByRole("button", { name: "New" }).count(), 0);
        assertEquals(await plain.getByRole("button", { name: "Edit" }).count(), 0);
      },
    );

    await step(
      "a session is watched by one who may not type, and ended from the list of those that run",
      async () => {
        await openTerminal(page);
        await plain.goto("/web/sessions");
        await plain.getByRole("button", { name: "Watch", exact: true }).click();
        await plain.getByText("watching").waitFor();
        await plain.locator(".xterm-helper-textarea").focus();
        await plain.keyboard.type("echo typed-by-fritz\n");
        await page.locator(".xterm-helper-textarea").focus();
        await page.keyboard.type("echo watched-$((6*7))\n");
        await plain.locator(".xterm-rows").filter({ hasText: "watched-42" }).waitFor();
        await screenshot(plain, "terminal_watched");
        assertEquals((await page.locator(".xterm-rows").innerText()).includes("typed-by-fritz"), false);
        await page.getByRole("link", { name: "Active sessions" }).click();
        await page.getByRole("button", { name: "More for the session of dora" }).click();
        await page.getByRole("menuitem", { name: "End the session" }).click();
        await page.getByRole("button", { name: "End the session" }).click();
        await page.getByRole("heading", { name: "Nobody is connected" }).waitFor();
        await page.getByRole("link", { name: /^Terminals/ }).click();
        await page.getByText(/session has ended|session was ended/).first().waitFor();
      },
    );

    await step("whoever signs in next does not find what was open", async () => {
      await page.getByRole("link", { name: "Nodes", exact: true }).click();
      await openTerminal(page);
      await context.clearCookies();
      await page.getByRole("link", { name: "Users" }).click();
      await page.getByText("Your session has ended").waitFor();
      await signIn(page, "fritz", await fritz.authenticator.code());
      await page.getByRole("link", { name: /^Terminals/ }).click();
      await page.getByRole("heading", { name: "No terminal is open" }).waitFor();
    });

    assertEquals(browser.complaints.filter((text) => !/status of (400|401|403)/.test(text)), []);
  },
});

const ROLE = `kind: role
version: v3
metadata:
  name: readers
spec:
  allow:
    logins: ["root"]
    node_labels: {"*": "*"}
`;

async function signIn(page: Page, user: string, code: string): Promise<void> {
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel(/^Code/).fill(code);
  await page.keyboard.press("Enter");
  await page.locator("main.content h1").waitFor();
}

async function openTerminal(page: Page): Promise<void> {
  await page.getByRole("button", { name: /^Connect to alpha/ }).click();
  await page.getByTitle("The time to the server and back").waitFor();
}

/** Chooses from the menu of a user. */
async function act(page: Page, user: string, item: string): Promise<void> {
  await page.getByRole("button", { name: `Actions for ${user}` }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

function selectedText(page: Page): Promise<string> {
  return page.evaluate(() => {
    const field = document.querySelector("textarea.code") as HTMLTextAreaElement;
    return field.value.slice(field.selectionStart, field.selectionEnd);
  });
}
