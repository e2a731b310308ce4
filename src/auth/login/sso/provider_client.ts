/**
 * Calls to one identity provider on behalf of one login: bounded in time and size, by HTTPS, to places that the
 * administrator or the provider itself has named.
 * @module
 */
import type { Clock } from "../../../base/clock.ts";
import { AppError } from "../../../base/errors.ts";
import type { HttpAnswer } from "../../../base/https_call.ts";
import type { OutboundCall } from "../../../base/outbound_call.ts";
import { SSO } from "../../../model/sso.ts";
import { VERSION } from "../../../model/version.ts";
import { excerpt, SsoRefused } from "./provider.ts";

/** Makes the calls, wherever they leave this machine. */
export type CallOut = (call: OutboundCall) => Promise<HttpAnswer>;

/** All calls of one step of a login together. */
const STEP_MS = 20_000;
const MAX_BODY = 1024 * 1024;
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

export interface Ask {
  headers?: Readonly<Record<string, string>>;
  /** Sent as a form. */
  form?: URLSearchParams;
}

export class ProviderClient {
  readonly #ends: number;
  readonly #configured: ReadonlySet<string>;

  /**
   * @param configured addresses of which an administrator wrote the host
   * @param ca certificates of authorities in place of the system's, PEM
   */
  constructor(
    readonly callOut: CallOut,
    readonly clock: Clock,
    configured: readonly string[],
    readonly ca: string | undefined,
  ) {
    this.#ends = clock.now() + STEP_MS;
    this.#configured = new Set(configured.flatMap((url) => URL.parse(url)?.hostname ?? []));
  }

  /** An answer of whatever status. @throws {SsoRefused} provider */
  async ask(address: string, { headers = {}, form }: Ask = {}): Promise<HttpAnswer> {
    const url = this.#checked(address);
    const left = this.#ends - this.clock.now();
    if (left <= 0) throw new SsoRefused("provider", `no time is left to ask ${url.host}`);
    try {
      return await this.callOut({
        host: url.hostname.replace(/^\[|\]$/g, ""),
        port: Number(url.port || (url.protocol === "https:" ? 443 : 80)),
        tls: url.protocol === "https:",
        isConfigured: this.#configured.has(url.hostname),
        method: form ? "POST" : "GET",
        path: `${url.pathname}${url.search}`,
        headers: {
          host: url.host,
          accept: "application/json",
          "user-agent": `teleport/${VERSION}`,
          ...(form ? { "content-type": "application/x-www-form-urlencoded" } : {}),
          ...headers,
        },
        ...(form ? { body: form.toString() } : {}),
        ...(this.ca === undefined || this.ca === "" ? {} : { ca: this.ca }),
        timeoutMs: Math.min(SSO.callMs, left),
        maxBody: MAX_BODY,
      });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      throw new SsoRefused("provider", error.message, { cause: error });
    }
  }

  /** The JSON of an answer with status 200. @throws {SsoRefused} provider */
  async json(address: string, ask?: Ask): Promise<{ body: unknown; headers: HttpAnswer["headers"] }> {
    const answer = await this.ask(address, ask);
    const where = URL.parse(address)?.host ?? "";
    if (answer.status !== 200) {
      throw new SsoRefused("provider", `${where} answered with status ${answer.status}`);
    }
    return { body: parsed(answer.text, where), headers: answer.headers };
  }

  #checked(address: string): URL {
    const url = URL.parse(address);
    if (!url || url.username !== "" || url.password !== "" || !isSecure(url)) {
      throw new SsoRefused("provider", `"${excerpt(address)}" is no address by https`);
    }
    return url;
  }
}

/** By HTTPS; plain HTTP is for this machine alone. */
export function isSecure({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || protocol === "http:" && LOOPBACK.has(hostname);
}

/** @throws {SsoRefused} provider */
export function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SsoRefused("provider", `${where} answered with something else than JSON`);
  }
}
