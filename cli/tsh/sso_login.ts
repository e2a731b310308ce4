/**
 * A login in the browser: tsh waits on a loopback address, the browser goes to the identity provider and comes back there
 * by way of the proxy, with an answer that nobody else can read or make.
 * @module
 */
import type { CertFormat } from "../../src/model/role.ts";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { ANSWER_FIELD, newAnswerSecret, openAnswer, type SsoAnswer } from "../../src/api/sso_answer.ts";
import { systemClock } from "../../src/base/clock.ts";
import { SECOND } from "../../src/base/duration.ts";
import { AppError, isAppError } from "../../src/base/errors.ts";
import { equalInConstantTime, Secret } from "../../src/base/secret.ts";
import { SSO, SSO_FAILURES } from "../../src/model/sso.ts";
import { printError } from "../program.ts";
import { openBrowser } from "./browser.ts";
import { callWeb, type PingConnector, type WebProxy } from "./web.ts";

/** What a login in the browser is for. */
export interface SsoLoginRequest {
  proxy: WebProxy;
  connector: PingConnector;
  /** The key to certify, as an OpenSSH line. */
  publicKey: string;
  /** Milliseconds. */
  ttl: number | undefined;
  certFormat: CertFormat | undefined;
  /** What `--browser` says; `none` has the address printed only. */
  browser: string | undefined;
}

/** @throws {AppError} unauthenticated with what the cluster says; timeout when nothing came */
export async function ssoLogin(
  { proxy, connector, publicKey, ttl, certFormat, browser }: SsoLoginRequest,
): Promise<Extract<SsoAnswer, { result: "in" }>> {
  const secret = new Secret(newAnswerSecret());
  const done = Promise.withResolvers<SsoAnswer>();
  const path = `/${randomBytes(16).toString("base64url")}`;
  const stop = new AbortController();
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen: () => {} },
    (request) => takeAnswer(request, { path, port: server.addr.port, secret, proxy, done: done.resolve }),
  );
  const timer = systemClock.after(SSO.clientWaitMs, () =>
    done.reject(
      new AppError(
        "timeout",
        `no answer came from the browser within ${
          SSO.clientWaitMs / SECOND
        } seconds; try again, and have the page ` +
          "opened on this machine",
      ),
    ));
  done.promise.catch(() => {}); // the wait below sees it; the call before it may fail first
  try {
    const { redirect_url: url } = await callWeb<{ redirect_url: string }>(
      proxy,
      "POST",
      `/webapi/${connector.type}/login/console`,
      {
        connector_id: connector.name,
        redirect_url: `http://127.0.0.1:${server.addr.port}${path}`,
        secret: secret.reveal(),
        public_key: Buffer.from(publicKey).toString("base64"),
        ...(ttl === undefined ? {} : { cert_ttl: ttl * 1e6 }),
        ...(certFormat === undefined ? {} : { compatibility: certFormat }),
      },
    );
    showAddress(url, browser);
    const answer = await done.promise;
    if (answer.result === "failed") throw new AppError("unauthenticated", SSO_FAILURES[answer.why]);
    return answer;
  } finally {
    timer.cancel();
    await closed(server, stop);
  }
}

/** The browser's last answer is on its way; who does not take it is not waited for. */
async function closed(server: Deno.HttpServer, stop: AbortController): Promise<void> {
  const timer = systemClock.after(SECOND, () => stop.abort());
  await server.shutdown();
  timer.cancel();
}

function showAddress(address: string, browser: string | undefined): void {
  const url = URL.parse(address);
  if (!url || url.protocol !== "https:" && url.protocol !== "http:") {
    throw new AppError("unavailable", "the proxy sent no address of an identity provider");
  }
  const opened = browser !== "none" && openBrowser(url.href, browser);
  printError(
    opened
      ? `If browser window does not open automatically, open it by clicking on the link:\n ${url.href}\n`
      : `Open this address in a browser on this machine:\n ${url.href}\n`,
  );
}

interface Waiting {
  path: string;
  port: number;
  secret: Secret<string>;
  proxy: WebProxy;
  done(answer: SsoAnswer): void;
}

/** What is not for this login changes nothing: others on this machine, and pages in the browser, may send anything. */
function takeAnswer(request: Request, { path, port, secret, proxy, done }: Waiting): Response {
  const url = new URL(request.url);
  const isMeant = request.method === "GET" && request.headers.get("host") === `127.0.0.1:${port}` &&
    equalInConstantTime(url.pathname, path);
  if (!isMeant) return new Response("there is nothing here\n", { status: 404 });
  let answer: SsoAnswer;
  try {
    answer = openAnswer(secret, url.searchParams.get(ANSWER_FIELD) ?? "");
  } catch (error) {
    if (!isAppError(error, "unauthenticated")) throw error;
    return new Response(`${error.message}\n`, { status: 400 });
  }
  done(answer);
  const page = answer.result === "in" ? "info/login_success" : `error/login_failed?why=${answer.why}`;
  return new Response(null, {
    status: 303,
    headers: {
      location: `https://${
        proxy.host.includes(":") ? `[${proxy.host}]` : proxy.host
      }:${proxy.port}/web/msg/${page}`,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      connection: "close",
    },
  });
}
