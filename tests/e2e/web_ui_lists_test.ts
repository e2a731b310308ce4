/**
 * The pages of the web interface with a thousand rows, on narrow screens, in the dark, by keyboard. The cluster is real;
 * long lists are put into its answers.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { CHROMIUM, RealBrowser, screenshot } from "../kit/browser.ts";
import { Daemon } from "../kit/cluster.ts";
import { PASSWORD, type User } from "../kit/user.ts";
import { createRole, MASTER_ROLE } from "../kit/web_role.ts";

const MANY = 1000;
/** Rows in sight, and some around them. */
const DRAWN = 80;

const PAGES = [
  "nodes",
  "sessions",
  "recordings",
  "audit",
  "users",
  "roles",
  "tokens",
  "connectors",
  "trusted-clusters",
  "account",
  "terminals",
];

Deno.test({
  name: "in a browser: every page with a thousand rows, narrow, dark, by keyboard",
  ignore: CHROMIUM === undefined,
  async fn(t) {
    await using browser = await RealBrowser.start();
    await using daemon = await Daemon.start();
    await createRole(daemon, MASTER_ROLE);
    const origin = `https://${await daemon.webAddress()}`;
    const carol = await daemon.user("carol");
    await daemon.tctlOk("users", "update", "carol", "--set-roles=master");
    const { page, context } = await browser.window(origin);
    const step = async (name: string, work: () => Promise<void>) => {
      if (await t.step(name, work)) return;
      await screenshot(page, "failed");
      throw new Error("a step failed; the rest was not tried");
    };

    await step("a login leads to the nodes", async () => {
      await page.goto("/web");
      await signIn(page, carol);
    });

    await step("a thousand rows of each list are there, and only those in sight are drawn", async () => {
      await answerWithMany(page);
      for (const [path, first, last] of LONG_LISTS) {
        await page.goto(`/web/${path}`);
        await page.getByText(first, { exact: true }).first().waitFor();
        const rows = page.locator(".table tbody tr:not(.space)");
        assert(await rows.count() < DRAWN, `${path} draws ${await rows.count()} rows`);
        await page.locator(".table").evaluate((table) => table.scrollTop = table.scrollHeight);
        await page.getByText(last, { exact: true }).first().waitFor();
      }
    });

    await step("a thousand nodes are searched and sorted", async () => {
      await page.goto("/web/nodes");
      await page.getByText("1000 nodes").waitFor();
      await page.getByLabel("Search nodes").fill("node-0777");
      await page.getByText("1 of 1000 nodes").waitFor();
      await page.getByLabel("Search nodes").fill("");
      await page.getByRole("button", { name: "Name", exact: true }).click();
      await page.getByRole("button", { name: "Name", exact: true }).click();
      assertEquals(await page.locator("th[aria-sort=descending]").count(), 1);
      await page.getByText("node-0999", { exact: true }).waitFor();
    });

    for (const look of ["light", "dark", "narrow"] as const) {
      await step(`every page: ${look}`, async () => {
        await page.emulateMedia({ colorScheme: look === "dark" ? "dark" : "light" });
        await page.setViewportSize(
          look === "narrow" ? { width: 390, height: 844 } : { width: 1280, height: 800 },
        );
        for (const path of PAGES) {
          await page.goto(`/web/${path}`);
          await page.locator("h1").waitFor();
          await page.locator(".skeleton").first().waitFor({ state: "detached" });
          assert((await page.title()).endsWith("· Teleport"));
          assertEquals(await overflow(page), 0, `${path} is wider than the window`);
          assertEquals(await nameless(page), [], `${path} has controls without a name`);
          await screenshot(page, `${path}_${look}`);
        }
      });
    }

    await step("the menu of a narrow screen opens, leads on and closes", async () => {
      await page.goto("/web/nodes");
      await page.getByRole("button", { name: "Menu" }).click();
      await screenshot(page, "menu_narrow");
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "Users" }).waitFor({ state: "hidden" });
      await page.getByRole("button", { name: "Menu" }).click();
      await page.getByRole("link", { name: "Users" }).click();
      await page.getByRole("heading", { name: "Users" }).waitFor();
      await page.getByRole("link", { name: "Users" }).waitFor({ state: "hidden" });
      await page.setViewportSize({ width: 1280, height: 800 });
    });

    await step("all can be done by keyboard: skip link, search, menu, dialog", async () => {
      await page.goto("/web/nodes");
      await page.getByText("1000 nodes").waitFor();
      await page.keyboard.press("Tab");
      assertEquals(await focused(page), "Skip to the page");
      await page.keyboard.press("/");
      await page.keyboard.type("node-0001");
      await page.getByText("1 of 1000 nodes").waitFor();
      await page.getByRole("button", { name: "Connect to node-0001" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("menuitem", { name: "deploy" }).waitFor();
      assertEquals(await focused(page), "deploy");
      await page.keyboard.press("ArrowDown");
      assertEquals(await focused(page), "root");
      await screenshot(page, "nodes_login_menu");
      await page.keyboard.press("Escape");
      await page.getByRole("menuitem", { name: "root" }).waitFor({ state: "hidden" });
      await page.goto("/web/users");
      await page.getByRole("button", { name: "Invite" }).press("Enter");
      await page.getByRole("heading", { name: "Invite a user" }).waitFor();
      await screenshot(page, "users_invite");
      await page.keyboard.press("Escape");
      await page.getByRole("heading", { name: "Invite a user" }).waitFor({ state: "hidden" });
      assertEquals(await focused(page), "Invite");
    });

    await step("the choice of colours stays", async () => {
      await page.goto("/web/account");
      await page.getByRole("radio", { name: "Dark" }).click();
      await page.reload();
      await page.getByRole("heading", { name: "Your account" }).waitFor();
      assertEquals(await page.locator("html").getAttribute("data-theme"), "dark");
    });

    await step("a page whose code is gone says so, and loads anew", async () => {
      await page.route("**/web/assets/users_page*", (route) => route.abort());
      await page.goto("/web/nodes");
      await page.getByRole("link", { name: "Users" }).click();
      await page.getByRole("heading", { name: "This page could not be shown" }).waitFor();
      await page.unroute("**/web/assets/users_page*");
      await page.getByRole("button", { name: "Load anew" }).click();
      await page.getByText("user-0000", { exact: true }).waitFor();
    });

    await step("the end of a session is told before it comes", async () => {
      await page.route("**/sessions/renew", async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ json: { ...await answer.json(), session_expires_in: 130 } });
      });
      await page.goto("/web/login"); // who has signed in is led on
      await page.getByText("Your session ends in 2 minutes").waitFor();
      await screenshot(page, "session_ends");
      await page.unroute("**/sessions/renew");
    });

    await step("a session that is over leads to the login, and back to where one was", async () => {
      await context.clearCookies();
      await page.goto("/web/audit?type=exec");
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await signIn(page, carol);
      await page.getByRole("heading", { name: "Audit log" }).waitFor();
      assertEquals(new URL(page.url()).search, "?type=exec");
    });

    assertEquals(browser.complaints.filter((text) => !/status of 401|users_page|ERR_FAILED/.test(text)), []);
  },
});

/** Path, and what its first and last rows say. */
const LONG_LISTS = [
  ["nodes", "node-0000", "node-0999"],
  ["sessions", "user-0000", "user-0999"],
  ["recordings", "user-0000", "user-0999"],
  ["users", "user-0000", "user-0999"],
  ["tokens", "token-0000", "token-0999"],
  ["roles", "role-0000", "role-0999"],
] as const;

/** Answers the calls that pages make with long lists. */
async function answerWithMany(page: Page): Promise<void> {
  const start = Date.now() - 3_600_000;
  const many = <T>(make: (name: string, index: number) => T) =>
    Array.from({ length: MANY }, (_, index) => make(String(index).padStart(4, "0"), index));
  const sid = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;
  const answers: Record<string, unknown> = {
    "**/sites/-current-/nodes": {
      items: many((n, index) => ({
        id: sid(index),
        hostname: `node-${n}`,
        addr: `10.0.${index >> 8}.${index & 255}:3022`,
        labels: {
          env: index % 3 === 0 ? "production" : "staging",
          zone: `zone-${index % 7}`,
          os: "debian 12",
        },
        logins: ["deploy", "root"],
      })),
    },
    "**/call/sessions.list": many((n, index) => ({
      sid: sid(index),
      user: `user-${n}`,
      login: "root",
      server: sid(index),
      node: `node-${n}`,
      started: start - index,
      columns: 120,
      rows: 40,
      parties: [
        { user: `user-${n}`, mode: "peer", since: start },
        { user: "carol", mode: "observer", since: start },
      ],
    })),
    "**/call/recordings.list": many((n, index) => ({
      sid: sid(index),
      user: `user-${n}`,
      login: "root",
      server_id: sid(index),
      started: start - index * 600_000,
      bytes: 1000 + index * 977,
      modified: start - index * 600_000 + 45_000 * (1 + index % 9),
      complete: index > 2,
    })),
    "**/call/events.search": many((n, index) => ({
      event: index % 4 === 3 ? "user.login" : "session.start",
      time: new Date(start - index * 60_000).toISOString(),
      user: `user-${n}`,
      login: "root",
      sid: sid(index),
      server_id: sid(index),
      "addr.remote": `192.0.2.${index % 250}`,
      ...(index % 9 === 7 ? { success: false, error: "access denied" } : {}),
    })).reverse(),
    "**/call/users.list": many((n, index) => ({
      name: `user-${n}`,
      roles: index % 5 === 0 ? ["admin", "auditor"] : ["developer"],
      traits: { logins: ["deploy", "root"] },
      created: start - index * 86_400_000,
      createdBy: "carol",
      ...(index % 11 === 5 ? { lock: { message: "left the company", since: start } } : {}),
    })),
    "**/call/tokens.list": many((n, index) => ({
      token: `token-${n}`,
      roles: ["node"],
      static: index === 0,
      ...(index === 0 ? {} : { expires: Date.now() + index * 60_000 }),
    })),
    "**/call/resources.list": many((n) => ({
      kind: "role",
      version: "v3",
      metadata: { name: `role-${n}` },
      spec: { allow: { logins: ["root"], node_labels: { env: "staging" }, rules: [{}] } },
    })),
  };
  for (const [pattern, json] of Object.entries(answers)) {
    await page.route(pattern, (route) => {
      const { kind } = (route.request().postDataJSON() ?? {}) as { kind?: string };
      // Short lists, and the pages that show them, stay as they are.
      return kind !== undefined && kind !== "role" ? route.continue() : route.fulfill({ json });
    });
  }
}

async function signIn(page: Page, user: User): Promise<void> {
  await page.getByLabel("User name").fill(user.name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel(/^Code/).fill(await user.authenticator.code());
  await page.keyboard.press("Enter");
  await page.locator("main.content h1").waitFor();
}

/** By how many pixels the page is wider than its window. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}

/** Controls in sight that a screen reader has no words for. */
function nameless(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, a[href], input, select, textarea")]
      .filter((element) => element.checkVisibility())
      .filter((element) => {
        const words = [
          element.getAttribute("aria-label"),
          element.title,
          element.textContent,
          ...[...(element as HTMLInputElement).labels ?? []].map((label) => label.textContent),
        ];
        return words.every((word) => (word ?? "").trim() === "");
      })
      .map((element) => element.outerHTML.slice(0, 200))
  );
}

/** The words of what has the focus. */
function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.textContent?.trim());
}
