/**
 * Logins to a real cluster through an identity provider: connectors, tsh that waits for a browser, and the browser.
 * @module
 */
import { parseCertificateLine } from "../../../src/ssh/certificate.ts";
import type { Daemon } from "../cluster.ts";
import { programArgs, type Result, spawn } from "../run.ts";
import { type Seen, WalkingBrowser } from "./walking_browser.ts";

/** Writes connectors or other resources, and waits until proxies know of them. */
export async function write(daemon: Daemon, ...documents: object[]): Promise<string> {
  const path = await Deno.makeTempFile({ dir: daemon.directory, suffix: ".json" });
  try {
    let told = "";
    for (const document of documents) {
      await Deno.writeTextFile(path, JSON.stringify(document));
      told += await daemon.tctlOk("create", "-f", path);
    }
    return told;
  } finally {
    await Deno.remove(path);
  }
}

const DEADLINE_MS = 40_000;

/** A person at a terminal, with a home of their own. */
export class Terminal {
  constructor(readonly daemon: Daemon, readonly home: string) {}

  static async at(daemon: Daemon, name: string): Promise<Terminal> {
    const home = `${daemon.directory}/home-${name}`;
    await Deno.mkdir(home, { recursive: true });
    return new Terminal(daemon, home);
  }

  /**
   * Runs tsh, and does with the address that it prints what a person does.
   * @param walk goes there; the program is waited for meanwhile
   */
  async tsh(args: readonly string[], walk: (address: string) => Promise<unknown>): Promise<Result> {
    const env = { HOME: this.home, USER: "somebody", TERM: "xterm" };
    const proxy = `--proxy=${await this.daemon.webAddress()}`;
    const child = spawn(Deno.execPath(), programArgs("tsh", [proxy, "--insecure", ...args]), { env });
    const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
    await child.stdin.close();
    const out = new Response(child.stdout).bytes();
    let stderr = "";
    let walking: Promise<unknown> | undefined;
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      stderr += chunk;
      const address = /(?:link|machine):\n (https?:\/\/\S+)\n/.exec(stderr)?.[1];
      if (address !== undefined) walking ??= walk(address);
    }
    const { code } = await child.status;
    clearTimeout(timer);
    await walking;
    const bytes = await out;
    return { code, stdout: new TextDecoder().decode(bytes), stderr, bytes };
  }

  /** `tsh login`, with a browser that walks. */
  async login(
    args: readonly string[] = [],
    fill?: Parameters<WalkingBrowser["go"]>[1],
  ): Promise<{ result: Result; last: Seen | undefined; browser: WalkingBrowser }> {
    const browser = new WalkingBrowser();
    let last: Seen | undefined;
    const result = await this.tsh(["login", "--browser=none", ...args], async (address) => {
      last = await browser.go(address, fill);
    });
    return { result, last, browser };
  }

  /** The certificate that is kept for a user. */
  async certificate(user: string) {
    return parseCertificateLine(await Deno.readTextFile(`${this.home}/.tsh/keys/127.0.0.1/${user}-cert.pub`));
  }
}
