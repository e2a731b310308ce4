/**
 * A real browser: Debian's Chromium, driven by playwright. Where there is none, tests skip and say so.
 * @module
 */
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { buildUi } from "../../scripts/build_ui.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const STEP_MS = 15_000;

/** Where the browser is; undefined where there is none. */
export const CHROMIUM: string | undefined = PLACES.find(isFile);

if (CHROMIUM === undefined) console.error("skipped: tests in a browser (chromium is not installed)");

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A browser that is closed at the end of the block, with everything that was opened in it. */
export class RealBrowser implements AsyncDisposable {
  /** What pages complained about: errors of scripts, breaches of the content security policy. */
  readonly complaints: string[] = [];

  private constructor(private readonly browser: Browser) {}

  /** Starts one. The web interface is built first, if it is not up to date. */
  static async start(): Promise<RealBrowser> {
    await buildUi();
    // Root may not use Chromium's own sandbox.
    const args = ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"];
    return new RealBrowser(await chromium.launch({ executablePath: CHROMIUM ?? "", args }));
  }

  /** A window of somebody's own: no cookies, nothing kept. */
  async window(origin: string): Promise<{ page: Page; context: BrowserContext }> {
    const context = await this.browser.newContext({
      baseURL: origin,
      ignoreHTTPSErrors: true,
      viewport: { width: 1280, height: 800 },
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(STEP_MS);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(`${page.url()}: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(`${page.url()}: ${message.text()}`);
    });
    return { page, context };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
  }
}

const SCREENSHOTS = Deno.env.get("SCREENSHOTS") ??
  new URL("../../dist/screenshots", import.meta.url).pathname;

/** Keeps a picture of a page as an artifact. */
export async function screenshot(page: Page, name: string): Promise<void> {
  await Deno.mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
}
