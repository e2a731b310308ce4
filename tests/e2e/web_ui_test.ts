/**
 * The web interface as a person uses it, in a real browser: from an invitation to a recording, on a real cluster.
 * @module
 */
import { Buffer } from "node:buffer";
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Locator, Page } from "playwright-core";
import { CHROMIUM, RealBrowser, screenshot } from "../kit/browser.ts";
import { Daemon } from "../kit/cluster.ts";
import { run } from "../kit/run.ts";
import { Authenticator, PASSWORD, type User } from "../kit/user.ts";
import { createRole, MASTER_ROLE } from "../kit/web_role.ts";

const SHELL_LOGIN = Deno.env.get("USER") ?? "root";

Deno.test({
  name: "in a browser: invitation, login, terminal, joining, recording, audit log, password",
  ignore: CHROMIUM === undefined,
  async fn(t) {
    // What follows builds on what came before.
    const step = async (name: string, work: () => Promise<void>) => {
      if (await t.step(name, work)) return;
      await screenshot(page, "failed");
      throw new Error("a step failed; the rest was not tried");
    };
    await using browser = await RealBrowser.start();
    await using daemon = await Daemon.start({ node: { labels: { env: "trial", team: "database" } } });
    await createRole(daemon, MASTER_ROLE);
    const origin = `https://${await daemon.webAddress()}`;
    const { page, context } = await browser.window(origin);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await context.addInitScript(keepSockets);
    let phone = new Authenticator("");
    let joiner: Page | undefined;
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    const emulatorLoaded = () => asked.some((path) => path.startsWith("/web/assets/screen-"));

    await step("an invitation is taken up with the secret out of the QR code", async () => {
      const options = [SHELL_LOGIN, "--roles=master", "--format=json"];
      const { url } = JSON.parse(await daemon.tctlOk("users", "add", "alice", ...options));
      await page.goto(`${origin}${new URL(url).pathname}`);
      phone = new Authenticator(await secretInQrCode(page.locator("img.qr")));
      await screenshot(page, "signup");
      await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await page.getByLabel("Repeat the password").fill(PASSWORD);
      await page.getByLabel("6-digit code").fill(await phone.code());
      await page.getByRole("button", { name: "Create account" }).click();
      await page.getByRole("heading", { name: "You are all set, alice" }).waitFor();
      await screenshot(page, "signup_done");
      await page.getByRole("link", { name: "Sign in here" }).click();
    });

    await t.step(
      "a login that fails does not say why; the right one leads to where one wanted to go",
      async () => {
        await page.goto("/web/nodes?search=alpha");
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        assertEquals(await focusedId(page), "username");
        await screenshot(page, "login");
        await page.emulateMedia({ colorScheme: "dark" });
        await screenshot(page, "login_dark");
        await page.emulateMedia({ colorScheme: "light" });
        const texts: string[] = [];
        for (const user of ["alice", "nobody-at-all"]) {
          await signIn(page, user, "not the password", "000000");
          texts.push(await page.getByRole("alert").innerText());
          assertEquals(await page.getByLabel(/^Code/).inputValue(), "");
        }
        assertEquals(texts[0], texts[1]);
        await screenshot(page, "login_refused");
        await signIn(page, "alice", PASSWORD, await phone.code());
        await page.getByRole("heading", { name: "Nodes" }).waitFor();
        assertEquals(await page.getByLabel("Search nodes").inputValue(), "alpha");
        assertEquals(emulatorLoaded(), false); // the largest part comes when it is needed
      },
    );

    await step("nodes are searched, filtered by label, and connected to", async () => {
      await page.keyboard.press("/");
      await page.keyboard.press("ControlOrMeta+A");
      await page.keyboard.type("no such node");
      await page.getByRole("heading", { name: "No node fits" }).waitFor();
      await page.getByRole("button", { name: "Show all nodes" }).click();
      await page.getByRole("button", { name: "env: trial" }).click();
      await page.getByRole("button", { name: "Remove the filter env: trial" }).waitFor();
      await screenshot(page, "nodes");
      await page.getByRole("button", { name: `Connect to alpha as ${SHELL_LOGIN}` }).click();
      await page.getByTitle("The time to the server and back").waitFor();
    });

    await step("a full-screen program runs, and the window's size is the terminal's", async () => {
      await type(page, "PS1='ready> '; top -d 1\n");
      await shows(page, /Tasks:|%Cpu/);
      await screenshot(page, "terminal_top");
      const before = await sizeBadge(page);
      await page.setViewportSize({ width: 1000, height: 600 });
      await page.waitForFunction(
        (was) => document.querySelector("[title='Columns and rows']")?.textContent !== was,
        before,
      );
      await type(page, "q");
      await shows(page, "ready> "); // top throws away what is typed before
      await type(page, "stty size | sed 's/^/size: /'\n");
      const [columns, rows] = (await sizeBadge(page)).split(" × ");
      await shows(page, `size: ${rows} ${columns}`);
      await type(page, "printf '\\033[38;2;255;100;50mcoloured\\033[0m\\n'\n");
      await page.locator(".xterm-rows span[style*='rgb(255, 100, 50)']").waitFor();
      await page.setViewportSize({ width: 1280, height: 800 });
      assertEquals(emulatorLoaded(), true);
    });

    await step("output of any length arrives, as fast as it is drawn", async () => {
      // Several times what the server sends ahead of what was drawn.
      await type(page, "seq -f 'line %08.0f' 150000; clear; echo all-$((5*21))\n");
      await shows(page, "all-105");
    });

    await step("somebody else joins, and both type", async () => {
      const bob = await daemon.user("bob", [SHELL_LOGIN]);
      await daemon.tctlOk("users", "update", "bob", "--set-roles=master");
      joiner = await signedIn(browser, origin, bob);
      await joiner.goto("/web/sessions");
      await joiner.getByRole("button", { name: "Join", exact: true }).click();
      await shows(joiner, "all-105"); // the screen as it is comes first
      await type(joiner, "echo from-$((2*21)) bob\n");
      await shows(page, "from-42 bob");
      await type(page, "echo from-$((3*21)) alice\n");
      await shows(joiner, "from-63 alice");
      await joiner.setViewportSize({ width: 900, height: 500 });
      await page.getByTitle("The smallest window of all who take part rules").waitFor();
      await screenshot(page, "terminal_joined");
      await joiner.setViewportSize({ width: 1280, height: 800 });
      await page.getByTitle("The smallest window of all who take part rules").waitFor({ state: "detached" });
      await page.getByRole("link", { name: "Active sessions" }).click();
      await page.getByText("bob (types)").waitFor({ state: "attached" });
      await screenshot(page, "sessions");
      await page.getByRole("link", { name: /^Terminals/ }).click();
    });

    await step(
      "a connection that breaks, or a page that is loaded anew, comes back into the same session",
      async () => {
        await page.evaluate(() =>
          (globalThis as unknown as { sockets: WebSocket[] }).sockets.at(-1)?.close()
        );
        await page.getByText("The connection was lost").waitFor();
        await page.getByText("The connection was lost").waitFor({ state: "hidden" });
        await type(page, "echo again-$((4*21))\n");
        await shows(page, "again-84");
        await page.reload();
        await page.locator(SHOWN).getByTitle("The time to the server and back").waitFor();
        await shows(page, "again-84");
        await page.setViewportSize({ width: 390, height: 844 });
        await page.waitForFunction(() =>
          (document.querySelector<HTMLElement>(".xterm-screen")?.offsetWidth ?? 999) < 390
        );
        await screenshot(page, "terminal_narrow");
        await page.setViewportSize({ width: 1280, height: 800 });
      },
    );

    await step("what is pasted is typed, without what a page may have hidden in it", async () => {
      await page.evaluate(() => navigator.clipboard.writeText("echo pasted-$((5*5))\x1b[201~\n"));
      await page.getByRole("button", { name: "Paste" }).click();
      await shows(page, "echo pasted-$((5*5))[201~");
      await type(page, "\n");
      await shows(page, "pasted-25[201~");
      await page.evaluate(() => navigator.clipboard.writeText("echo by-key-$((6*6))\n"));
      await page.keyboard.press("Control+Shift+V");
      await type(page, "\n");
      await shows(page, "by-key-36");
      const box = await page.locator(SHOWN).getByText("by-key-36", { exact: true }).boundingBox();
      await page.mouse.dblclick((box?.x ?? 0) + 20, (box?.y ?? 0) + 6);
      await page.getByRole("button", { name: "Copy the selection" }).click();
      await page.waitForFunction(async () => await navigator.clipboard.readText() === "by-key-36");
    });

    await step("a second terminal is a tab of its own; closing one that runs is asked about", async () => {
      await page.getByRole("link", { name: "Open another terminal" }).click();
      await page.getByRole("button", { name: `Connect to alpha as ${SHELL_LOGIN}` }).click();
      await page.getByRole("tab").nth(1).waitFor();
      await page.locator(SHOWN).getByTitle("The time to the server and back").waitFor();
      await type(page, "printf '\\033]0;the second\\007'\n");
      await page.getByRole("tab", { name: "the second" }).waitFor();
      await page.waitForFunction(() => document.title.startsWith("the second"));
      await screenshot(page, "terminal_tabs");
      await page.getByRole("button", { name: `Close ${SHELL_LOGIN}@alpha` }).last().click();
      await page.getByRole("heading", { name: "Close this terminal?" }).waitFor();
      await screenshot(page, "terminal_close");
      await page.getByRole("button", { name: "Close the terminal" }).click();
      await page.getByRole("tab").nth(1).waitFor({ state: "detached" });
      await shows(page, "by-key-36");
    });

    await step("files go up and come down", async () => {
      const folder = await Deno.makeTempDir();
      try {
        await page.getByRole("button", { name: "Files" }).click();
        await page.getByLabel("Folder or path on the server").fill(`${folder}/`);
        const content = Array.from({ length: 50_000 }, (_, line) => `line ${line}`).join("\n");
        await page.getByLabel("Files to upload").setInputFiles({
          name: "notes.txt",
          mimeType: "text/plain",
          buffer: Buffer.from(content),
        });
        await page.getByRole("button", { name: "Upload" }).last().click();
        await page.getByText(/done$/).waitFor();
        await screenshot(page, "files");
        assertEquals(await Deno.readTextFile(`${folder}/notes.txt`), content);
        await page.getByRole("button", { name: "Download" }).first().click();
        await page.getByLabel("Path of the file on the server").fill(`${folder}/notes.txt`);
        assertEquals(await downloaded(page, page.getByRole("button", { name: "Download" }).last()), content);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });

    await step("the session ends and its recording plays, from any place", async () => {
      await type(page, "exit\n");
      await page.getByText("The session has ended").waitFor();
      await joiner?.getByText("The session has ended").waitFor();
      await page.getByRole("link", { name: "Recordings" }).click();
      await page.getByRole("link", { name: /Play/ }).first().waitFor();
      await screenshot(page, "recordings");
      await page.getByRole("link", { name: /Play/ }).last().click(); // the newest comes first
      await page.getByText("Unchanged").first().waitFor();
      await page.getByRole("slider", { name: "Position" }).waitFor();
      await page.keyboard.press("End");
      await playerShows(page, "from-63 alice");
      await page.getByRole("slider", { name: "Position" }).fill("0");
      await page.waitForFunction(() =>
        !document.querySelector(".player .xterm-rows")?.textContent?.includes("from-63")
      );
      await page.keyboard.press(">");
      await page.keyboard.press(" ");
      await playerShows(page, "from-63 alice");
      await screenshot(page, "player");
      await page.emulateMedia({ colorScheme: "dark" });
      await screenshot(page, "player_dark");
      await page.setViewportSize({ width: 390, height: 844 });
      await playerShows(page, "from-63 alice");
      await screenshot(page, "player_narrow");
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.emulateMedia({ colorScheme: "light" });
      await page.getByRole("button", { name: "Copy a link to this moment" }).or(
        page.getByTitle("Copy a link to this moment"),
      ).click();
      const link = await page.evaluate(() => navigator.clipboard.readText());
      assertStringIncludes(link, "?t=");
      await page.goto(link);
      await playerShows(page, "from-42 bob");
      await page.getByRole("button", { name: "Download the recording" }).click();
      const text = await downloaded(page, page.getByRole("menuitem", { name: "Plain text" }));
      assertStringIncludes(text, "from-63 alice");
    });

    await step("the audit log tells it, and goes on telling", async () => {
      await page.getByRole("link", { name: "Audit log" }).click();
      await page.getByRole("cell", { name: "Session ended", exact: true }).first().waitFor();
      await page.getByLabel("Event", { exact: true }).selectOption("session.join");
      await page.getByRole("cell", { name: "Session ended", exact: true }).waitFor({ state: "detached" });
      await page.getByRole("row", { name: /Session joined.*bob/ }).first().waitFor();
      await page.getByLabel("Event", { exact: true }).selectOption("");
      await page.getByRole("button", { name: "Follow live" }).click();
      await daemon.tctlOk("users", "lock", "bob", "--message=web-test");
      await page.getByRole("cell", { name: "User locked", exact: true }).waitFor();
      await screenshot(page, "audit");
      await page.getByRole("cell", { name: "User locked", exact: true }).click();
      await page.getByText('"event": "user.lock"').waitFor();
      await screenshot(page, "audit_event");
      await page.keyboard.press("Escape");
      await joiner?.getByRole("link", { name: "Nodes" }).click();
      await joiner?.getByRole("heading", { name: "Sign in" }).waitFor(); // who is locked is out
    });

    await step("the password is changed, and signing out ends the session", async () => {
      await page.getByRole("link", { name: /alice/ }).click();
      await page.getByLabel("Password now", { exact: true }).fill(PASSWORD);
      await page.getByLabel("New password", { exact: true }).fill("another good password");
      await page.getByLabel("New password, again", { exact: true }).fill("another good password");
      await page.getByLabel("Code from your authenticator app").fill(await phone.code());
      await screenshot(page, "account");
      await page.getByRole("button", { name: "Change the password" }).click();
      await page.getByText("Your password was changed").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.goto("/web/users");
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
    });

    // Refusals are part of the story; a script's error or a breach of the content security policy is not.
    assertEquals(
      browser.complaints.filter((text) => !/status of (401|403)|net::ERR|WebSocket/.test(text)),
      [],
    );
  },
});

/** What a shell, or setsid, exits with where there is no such program. */
const NO_PROGRAM = 127;

/** Runs in the page, before its own scripts: what it opens can be cut later, as a network does. */
function keepSockets(): void {
  const opened: WebSocket[] = [];
  globalThis.WebSocket = class extends WebSocket {
    constructor(url: string | URL) {
      super(url);
      opened.push(this);
    }
  };
  Object.assign(globalThis, { sockets: opened });
}

async function secretInQrCode(image: Locator): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".png" });
  try {
    await image.screenshot({ path: file });
    const { code, stdout } = await run("zbarimg", ["--quiet", "--raw", file]);
    if (code === NO_PROGRAM) {
      console.log("zbarimg is not installed: the key beside the QR code is taken instead");
      return (await image.page().locator("#key").innerText()).replaceAll(/\s/g, "");
    }
    return new URL(stdout.trim()).searchParams.get("secret") ?? "";
  } finally {
    await Deno.remove(file);
  }
}

/** What the browser stores as a file after a click. */
async function downloaded(page: Page, button: Locator): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return await Deno.readTextFile(await download.path());
}

async function signIn(page: Page, user: string, password: string, code: string): Promise<void> {
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel(/^Code/).fill(code);
  const answered = page.waitForResponse((answer) => answer.url().endsWith("/webapi/sessions"));
  await page.keyboard.press("Enter");
  await answered;
}

async function signedIn(browser: RealBrowser, origin: string, user: User): Promise<Page> {
  const { page } = await browser.window(origin);
  await page.goto("/web/login");
  await signIn(page, user.name, PASSWORD, await user.authenticator.code());
  await page.getByRole("heading", { name: "Nodes" }).waitFor();
  return page;
}

function focusedId(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.id);
}

/** The terminal that is shown. */
const SHOWN = "[role=tabpanel]:not([hidden])";

/** Types into the terminal that is shown. */
async function type(page: Page, text: string): Promise<void> {
  await page.locator(`${SHOWN} .xterm-helper-textarea`).focus();
  await page.keyboard.type(text);
}

/** Waits until the terminal shows something. */
async function shows(page: Page, text: string | RegExp): Promise<void> {
  await page.locator(`${SHOWN} .xterm-rows`).filter({ hasText: text }).waitFor();
}

async function playerShows(page: Page, text: string): Promise<void> {
  await page.locator(".player .xterm-rows").filter({ hasText: text }).waitFor();
}

async function sizeBadge(page: Page): Promise<string> {
  return await page.locator("[title='Columns and rows']").innerText();
}
