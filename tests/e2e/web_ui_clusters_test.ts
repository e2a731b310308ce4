/**
 * Another cluster in the web interface, in a real browser: its sessions, recordings and audit log, with the rights that it
 * gives, and what is said where it gives none or is away.
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { CHROMIUM, RealBrowser, screenshot } from "../kit/browser.ts";
import { LOGIN } from "../kit/machine.ts";
import { pair, startEast, startMain, trustFile, untilStatus } from "../kit/trusted_clusters.ts";
import { PASSWORD, type User } from "../kit/user.ts";
import { createRole, MASTER_ROLE } from "../kit/web_role.ts";

const PLAIN_ROLE = MASTER_ROLE.replace("master", "plain").replace(/ +rules:.*\n/, "");
const to = (role: string) => ({ role_map: [{ remote: "*", local: [role] }] });

Deno.test({
  name: "in a browser: another cluster's sessions, recordings and audit log, and what it refuses",
  ignore: CHROMIUM === undefined,
  async fn(t) {
    await using browser = await RealBrowser.start();
    await using main = await startMain();
    await using east = await startEast();
    await createRole(main, MASTER_ROLE);
    await createRole(east, PLAIN_ROLE);
    await pair(main, east, to("admin"));
    const origin = `https://${await main.webAddress()}`;
    const alice = await main.user("alice", [LOGIN]);
    await main.tctlOk("users", "update", "alice", "--set-roles=master");
    const { page, context } = await browser.window(origin);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    let sid = "";
    const step = async (name: string, work: () => Promise<void>) => {
      if (await t.step(name, work)) return;
      await screenshot(page, "failed");
      throw new Error("a step failed; the rest was not tried");
    };

    await step("the cluster is chosen once, and kept by the pages that are about it", async () => {
      await page.goto("/web/nodes");
      await signIn(page, alice);
      await choose(page, "east");
      await page.getByText("db1", { exact: true }).waitFor();
      await page.getByRole("link", { name: "Recordings" }).click();
      await page.getByRole("heading", { name: "Nothing was recorded yet" }).waitFor();
      assertEquals(cluster(page), "east");
      await page.getByRole("link", { name: "Users" }).click();
      await page.getByRole("heading", { name: "Users" }).waitFor();
      assertEquals(cluster(page), null, "users are this cluster's");
      await page.getByText("Administration of main").waitFor();
      await page.getByRole("row", { name: /alice/ }).waitFor();
      await screenshot(page, "clusters_administration");
      await page.getByRole("link", { name: "Nodes" }).click();
      await page.getByText("db1", { exact: true }).waitFor();
      await page.goto("/web/cluster/east/nodes");
      await page.getByText("db1", { exact: true }).waitFor();
      await screenshot(page, "clusters_nodes");
    });

    await step("a session there is listed, watched, and found again after a reload", async () => {
      await page.getByRole("button", { name: `Connect to db1 as ${LOGIN}` }).click();
      await type(page, "PS1='ready> '; echo seen-$((6*7)) in the east\n");
      await shows(page, "seen-42 in the east");
      await page.reload();
      await shows(page, "seen-42 in the east");
      const watcher = await signedIn(browser, origin, await main.user("bob", [LOGIN]));
      await page.getByRole("button", { name: "Share" }).click();
      await watcher.goto(await page.evaluate(() => navigator.clipboard.readText()));
      await watcher.getByText("This session runs at this moment in cluster east.").waitFor();
      await watcher.getByRole("button", { name: "Watch", exact: true }).click();
      await shows(watcher, "seen-42 in the east");
      await watcher.getByText("watching").waitFor();
      await screenshot(watcher, "clusters_watching");
      await page.getByRole("link", { name: "Active sessions" }).click();
      await page.getByText("main:bob (watches)").waitFor({ state: "attached" });
      await screenshot(page, "clusters_sessions");
      await watcher.getByRole("link", { name: "Active sessions" }).click();
      await watcher.getByRole("button", { name: "More for the session of main:alice" }).click();
      await watcher.getByRole("menuitem", { name: "Watch only" }).waitFor();
      assertEquals(await watcher.getByRole("menuitem", { name: "End the session" }).count(), 0);
      await watcher.context().close();
    });

    await step("its user ends it there", async () => {
      await page.getByRole("button", { name: "More for the session of main:alice" }).click();
      await page.getByRole("menuitem", { name: "End the session" }).click();
      await page.getByRole("button", { name: "End the session" }).last().click();
      await page.getByText("The session was ended.").waitFor();
      await page.getByRole("heading", { name: "Nobody is connected" }).waitFor();
      const said = page.locator(".toasts button"); // they lie over the player's buttons for a while
      while (await said.count() > 0) await said.first().click();
      const event = await east.event("session.terminate", ({ user }) => user === "main:alice");
      sid = String(event.sid);
    });

    await step("its recording plays: any place, a link to a moment, a download", async () => {
      await page.getByRole("link", { name: "Recordings" }).click();
      await page.getByRole("link", { name: "Play" }).first().waitFor();
      await screenshot(page, "clusters_recordings");
      await page.getByRole("link", { name: "Play" }).click();
      await page.getByText("Unchanged").first().waitFor();
      await page.getByText(/^in cluster east · /).waitFor();
      assertEquals(cluster(page), "east");
      await page.keyboard.press("End");
      await playerShows(page, "seen-42 in the east");
      await screenshot(page, "clusters_player");
      await page.getByLabel("Skip idle time").check();
      await page.getByRole("button", { name: "4×" }).click();
      await page.getByRole("slider", { name: "Position" }).fill("0");
      await page.waitForFunction(() =>
        !document.querySelector(".player .xterm-rows")?.textContent?.includes("seen-42")
      );
      await page.keyboard.press("k");
      await playerShows(page, "seen-42 in the east");
      await page.keyboard.press("End");
      await page.getByTitle("Copy a link to this moment").click();
      const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
      assertEquals([link.pathname, link.searchParams.get("cluster")], [`/web/recordings/${sid}`, "east"]);
      await page.goto(link.href);
      await playerShows(page, "seen-42 in the east");
      await page.getByRole("button", { name: "Download the recording" }).click();
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("menuitem", { name: "Plain text" }).click(),
      ]);
      assertStringIncludes(await Deno.readTextFile(await file.path()), "seen-42 in the east");
      await page.getByRole("link", { name: "All recordings" }).click();
      await page.getByRole("link", { name: "Play" }).waitFor();
    });

    await step("its audit log is read, narrowed down, followed, and leads to the session", async () => {
      await page.getByRole("link", { name: "Audit log" }).click();
      await page.getByRole("cell", { name: "Session ended", exact: true }).waitFor();
      await page.getByLabel("Event", { exact: true }).selectOption("session.join");
      await page.getByRole("cell", { name: "Session ended", exact: true }).waitFor({ state: "detached" });
      await page.getByRole("row", { name: /Session joined.*main:bob/ }).waitFor();
      await page.getByLabel("Event", { exact: true }).selectOption("");
      await page.getByRole("button", { name: "Follow live" }).click();
      await east.tctlOk("users", "add", "carol", LOGIN);
      await page.getByRole("row", { name: /carol/ }).first().waitFor();
      await screenshot(page, "clusters_audit");
      await page.setViewportSize({ width: 390, height: 844 });
      await screenshot(page, "clusters_audit_narrow");
      assertEquals(await page.evaluate(() => document.body.scrollWidth > innerWidth), false);
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.getByRole("cell", { name: "Session ended", exact: true }).click();
      await page.getByText(`"sid": "${sid}"`).waitFor();
      await page.getByRole("button", { name: "Open the session" }).click();
      await playerShows(page, "");
      assertEquals(cluster(page), "east");
      await page.getByRole("link", { name: "Audit log" }).click();
      await choose(page, "main");
      await page.getByRole("row", { name: /Login.*alice/ }).first().waitFor();
      assertEquals(cluster(page), null);
      assertEquals(await page.getByRole("row", { name: /carol/ }).count(), 0);
    });

    await step("what the cluster forbids, its being away, and a name that is none are told", async () => {
      await choose(page, "east");
      await page.getByRole("button", { name: "Follow live" }).click();
      await page.getByRole("button", { name: "Live", pressed: true }).waitFor();
      await page.getByRole("row", { name: /carol/ }).first().waitFor();
      await east.tctlOk("create", "-f", await trustFile(main, east, to("plain")));
      await page.goto("/web/audit?cluster=east");
      await page.getByRole("heading", { name: "This is not yours to see" }).waitFor();
      await page.getByText("The roles that cluster east gives you do not allow it.").waitFor();
      await page.getByRole("link", { name: "Audit log" }).waitFor({ state: "detached" });
      await screenshot(page, "clusters_forbidden");
      await page.goto(`/web/recordings/${sid}?cluster=east`);
      await page.getByText("seen-42 in the east").or(page.getByRole("slider", { name: "Position" })).first()
        .waitFor(); // whoever was in a session sees its recording
      await page.goto("/web/sessions?cluster=east");
      await page.getByRole("heading", { name: "Nobody is connected" }).waitFor();
      await east.tctlOk("create", "--force", await trustFile(main, east, { enabled: false }));
      await untilStatus(main, "east", "offline");
      await page.getByText('This is as it was before: Cluster "east" is offline').waitFor();
      for (const path of ["nodes", "sessions", "recordings", "audit", `recordings/${sid}`]) {
        await page.goto(`/web/${path}?cluster=east`);
        await page.getByRole("heading", { name: "Cluster east cannot be reached" }).waitFor();
      }
      await page.goto("/web/sessions?cluster=east");
      await page.getByText('Cluster "east" is offline').waitFor();
      await screenshot(page, "clusters_offline");
      await choose(page, "main");
      await page.getByRole("heading", { name: "Nobody is connected" }).waitFor();
      await page.goto("/web/audit?cluster=nowhere");
      await page.getByRole("heading", { name: "No cluster “nowhere” is known here" }).waitFor();
      await screenshot(page, "clusters_unknown");
    });

    assertEquals(browser.complaints.filter((text) => !/status of (401|403|404|503)|net::ERR/.test(text)), []);
  },
});

/** What the address says. */
function cluster(page: Page): string | null {
  return new URL(page.url()).searchParams.get("cluster");
}

async function choose(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: /^Cluster: / }).click();
  await page.getByRole("menuitem", { name: new RegExp(`^${name}`) }).click();
  await page.getByRole("button", { name: `Cluster: ${name}` }).waitFor();
}

async function signIn(page: Page, user: User): Promise<void> {
  await page.getByLabel("User name").fill(user.name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel(/^Code/).fill(await user.authenticator.code());
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Nodes" }).waitFor();
}

async function signedIn(browser: RealBrowser, origin: string, user: User): Promise<Page> {
  const { page } = await browser.window(origin);
  await page.goto("/web/login");
  await signIn(page, user);
  return page;
}

/** The terminal that is shown. */
const SHOWN = "[role=tabpanel]:not([hidden])";

async function type(page: Page, text: string): Promise<void> {
  await page.locator(SHOWN).getByTitle("The time to the server and back").waitFor();
  await page.locator(`${SHOWN} .xterm-helper-textarea`).focus();
  await page.keyboard.type(text);
}

async function shows(page: Page, text: string): Promise<void> {
  await page.locator(`${SHOWN} .xterm-rows`).filter({ hasText: text }).waitFor();
}

async function playerShows(page: Page, text: string): Promise<void> {
  await page.locator(".player .xterm-rows").filter({ hasText: text }).waitFor();
}
