/**
 * A browser that follows where it is sent, keeps cookies for each site, and sends forms of pages it is shown: all that a
 * person's browser does in a single sign-on, except to draw.
 * @module
 */
import { httpCall } from "../../../src/base/https_call.ts";

export interface Seen {
  status: number;
  url: string;
  text: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

const MAX_STEPS = 25;

export class WalkingBrowser {
  /** By origin, then by name. */
  readonly cookies = new Map<string, Map<string, string>>();
  /** Every address it was at. */
  readonly trail: string[] = [];

  cookiesOf(url: string): Map<string, string> {
    const { origin } = new URL(url);
    const known = this.cookies.get(origin) ?? new Map<string, string>();
    this.cookies.set(origin, known);
    return known;
  }

  /** One request; nothing is followed. */
  async ask(url: string, form?: Record<string, string>, headers: Record<string, string> = {}): Promise<Seen> {
    const { hostname, port, pathname, search, protocol, host } = new URL(url);
    this.trail.push(url);
    const cookie = [...this.cookiesOf(url)].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await httpCall({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || (protocol === "https:" ? 443 : 80)),
      tls: protocol === "https:",
      insecure: true,
      method: form ? "POST" : "GET",
      path: `${pathname}${search}`,
      headers: {
        host,
        accept: "text/html",
        ...(cookie === "" ? {} : { cookie }),
        ...(form ? { "content-type": "application/x-www-form-urlencoded" } : {}),
        ...headers,
      },
      ...(form ? { body: new URLSearchParams(form).toString() } : {}),
      timeoutMs: 20_000,
      maxBody: 4 * 1024 * 1024,
    });
    for (const line of [answer.headers["set-cookie"] ?? []].flat()) {
      const [pair = "", ...attributes] = line.split(/;\s*/);
      const [name = "", ...value] = pair.split("=");
      const gone = attributes.some((each) =>
        /^max-age=0$/i.test(each) || /^expires=Thu, 01 Jan 1970/i.test(each)
      );
      if (gone) this.cookiesOf(url).delete(name);
      else this.cookiesOf(url).set(name, value.join("="));
    }
    return { status: answer.status, url, text: answer.text, headers: answer.headers };
  }

  /**
   * Goes to an address and on from there.
   * @param until a page that is not left: told the next address, before it is asked for
   */
  async go(
    url: string,
    { form, until = () => false, fill }: {
      form?: Record<string, string>;
      until?: (next: string) => boolean;
      /** What a person does with a page: the address and fields that are sent next. */
      fill?: (page: Seen) => { url: string; form: Record<string, string> } | undefined;
    } = {},
  ): Promise<Seen> {
    let seen = await this.ask(url, form);
    for (let step = 0; step < MAX_STEPS; step++) {
      const location = seen.headers.location;
      if (seen.status >= 300 && seen.status < 400 && typeof location === "string") {
        const next = new URL(location, seen.url).href;
        if (until(next)) return { ...seen, url: next };
        seen = await this.ask(next);
        continue;
      }
      const filled = fill?.(seen);
      if (!filled) return seen;
      seen = await this.ask(filled.url, filled.form);
    }
    throw new Error(`no end after ${MAX_STEPS} steps: ${this.trail.slice(-3).join(" -> ")}`);
  }
}
