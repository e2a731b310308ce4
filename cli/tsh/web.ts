/**
 * The proxy's HTTPS API, as far as the client uses it.
 * @module
 */
import { environmentProxy } from "../../src/base/dial_out.ts";
import { AppError, isAppError, messageOf } from "../../src/base/errors.ts";
import { type HttpAnswer, httpCall } from "../../src/base/https_call.ts";
import type { SecondFactorKind } from "../../src/model/security_key.ts";
import type { SsoKind } from "../../src/model/sso.ts";
import { printableCell } from "../output.ts";

const TIMEOUT_MS = 30_000;
const MAX_BODY = 1024 * 1024;

export interface WebProxy {
  host: string;
  port: number;
  insecure: boolean;
}

/** A connector of single sign-on. */
export interface PingConnector {
  type: SsoKind;
  name: string;
  display: string;
}

/** What `/webapi/ping` says. */
export interface Ping {
  auth: {
    type: "local" | SsoKind;
    second_factor: SecondFactorKind;
    /** With security keys as the second factor. */
    u2f?: { app_id: string; facets: string[] };
    /** The connector that a login begins with, below the name of its type. */
    github?: Omit<PingConnector, "type">;
    oidc?: Omit<PingConnector, "type">;
    saml?: Omit<PingConnector, "type">;
    connectors?: PingConnector[];
  };
  proxy: { ssh: { listen_addr: string; public_addr: string } };
  cluster_name: string;
  /** The public keys of the host CA. */
  host_authorities?: string[];
  /** The public keys of the user CA. */
  user_authorities?: string[];
  server_version: string;
  min_client_version?: string;
}

export interface SshCertificates {
  username: string;
  /** base64 of the certificate's line. */
  cert: string;
  host_signers: { domain_name: string; checking_keys: string[] }[];
}

/**
 * Makes a call, through the HTTP proxy that the environment names.
 * @throws {AppError} with the proxy's own message, or with what to do about the connection
 */
export async function callWeb<T>(
  proxy: WebProxy,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<T> {
  const { host, port, insecure } = proxy;
  let answer: HttpAnswer;
  try {
    answer = await httpCall({
      host,
      port,
      tls: true,
      method,
      path,
      insecure,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      proxy: environmentProxy({ host, port }),
      timeoutMs: TIMEOUT_MS,
      maxBody: MAX_BODY,
    });
  } catch (error) {
    throw connectionTrouble(proxy, error);
  }
  if (answer.status !== 200) throw refusal(answer.status, answer.text);
  try {
    return JSON.parse(answer.text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw connectionTrouble(proxy, new Error("it answers with something else than JSON"));
  }
}

function refusal(status: number, text: string): AppError {
  let message = `the proxy answered with status ${status}`;
  try {
    const { message: told } = JSON.parse(text);
    if (typeof told === "string") message = printableCell(told).slice(0, 500);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const code = status === 403 || status === 401
    ? "unauthenticated"
    : status === 429
    ? "limit"
    : "unavailable";
  return new AppError(code, message);
}

function connectionTrouble(proxy: WebProxy, error: unknown): AppError {
  if (isAppError(error, "bad_input")) return error; // a variable that names no proxy
  const text = messageOf(error);
  const where = `https://${proxy.host}:${proxy.port}`;
  if (/certificate|self.signed|UnknownIssuer|CERT/i.test(text)) {
    return new AppError(
      "unavailable",
      `the HTTPS certificate of ${where} is not trusted (${text}); for a trial cluster use --insecure`,
      { cause: error },
    );
  }
  // What rustls and OpenSSL say of a server that answers without TLS.
  if (/InvalidContentType|wrong version number/.test(text)) {
    return new AppError(
      "unavailable",
      `what listens at ${where} does not speak HTTPS; name the web port of the proxy: --proxy=HOST:PORT`,
      { cause: error },
    );
  }
  return new AppError("unavailable", `cannot reach the proxy at ${where}: ${text}`, { cause: error });
}
