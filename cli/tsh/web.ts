/**
 * The proxy's HTTPS API, as far as the client uses it. node:https, because fetch cannot be told to accept one
 * certificate at run time.
 * @module
 */
import { Buffer } from "node:buffer";
import { request } from "node:https";
import { AppError, messageOf } from "../../src/base/errors.ts";
import { printableCell } from "../output.ts";

const TIMEOUT_MS = 30_000;
const MAX_BODY = 1024 * 1024;

export interface WebProxy {
  host: string;
  port: number;
  insecure: boolean;
}

/** What `/webapi/ping` says. */
export interface Ping {
  auth: { type: string; second_factor: "otp" | "off" };
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

/** Makes a call. @throws {AppError} with the proxy's own message, or with what to do about the connection */
export function callWeb<T>(
  proxy: WebProxy,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const data = body === undefined ? undefined : JSON.stringify(body);
    const call = request({
      host: proxy.host,
      port: proxy.port,
      method,
      path,
      rejectUnauthorized: !proxy.insecure,
      timeout: TIMEOUT_MS,
      agent: false,
      headers: data === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(data) },
    }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BODY) call.destroy(new Error("the answer is too large"));
        else chunks.push(chunk);
      });
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const status = response.statusCode ?? 0;
        if (status === 200) resolve(JSON.parse(text));
        else reject(refusal(status, text));
      });
    });
    call.on("timeout", () => call.destroy(new Error("no answer in time")));
    call.on("error", (error) => reject(connectionTrouble(proxy, error)));
    call.end(data);
  });
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

function connectionTrouble(proxy: WebProxy, error: Error): AppError {
  const text = messageOf(error);
  const where = `https://${proxy.host}:${proxy.port}`;
  if (/certificate|self.signed|UnknownIssuer|CERT/i.test(text)) {
    return new AppError(
      "unavailable",
      `the HTTPS certificate of ${where} is not trusted (${text}); for a trial cluster use --insecure`,
      { cause: error },
    );
  }
  return new AppError("unavailable", `cannot reach the proxy at ${where}: ${text}`, { cause: error });
}
