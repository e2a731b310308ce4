/**
 * The call by which two clusters pair, at the trusting one: auth has made the request and checks the answer, this proxy
 * only carries them over HTTPS.
 * @module
 */
import * as v from "valibot";
import { type PairingAnswer, pairingAnswerSchema, type PairingRequest } from "../../api/pairing_proof.ts";
import type { HostPort } from "../../base/dial.ts";
import { formatHostPort } from "../../base/dial.ts";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import { type HttpAnswer, httpCall } from "../../base/https_call.ts";
import type { ConnectProxy } from "../../base/proxy_choice.ts";

/** Where a cluster takes requests to pair. */
export const VALIDATE_PATH = "/trustedclusters/validate";

const TIMEOUT_MS = 20_000;
const MAX_BODY = 256 * 1024;

export interface PairingCall {
  address: HostPort;
  request: PairingRequest;
  /** Accept any HTTPS certificate: the answer is proven by the token all the same. */
  insecure: boolean;
  /** Whom to believe about it otherwise, PEM. */
  ca: string;
  proxy: ConnectProxy | undefined;
}

/** @throws {AppError} with what is wrong, in words for the administrator who pairs */
export async function callForPairing(
  { address, request, insecure, ca, proxy }: PairingCall,
): Promise<PairingAnswer> {
  const where = `https://${formatHostPort(address)}`;
  let answer: HttpAnswer;
  try {
    answer = await httpCall({
      ...address,
      tls: true,
      method: "POST",
      path: `/v1/webapi${VALIDATE_PATH}`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      insecure,
      ca,
      proxy,
      timeoutMs: TIMEOUT_MS,
      maxBody: MAX_BODY,
    });
  } catch (error) {
    throw trouble(where, error);
  }
  if (answer.status !== 200) throw new AppError("unavailable", refusal(where, answer));
  try {
    return v.parse(pairingAnswerSchema, JSON.parse(answer.text));
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof v.ValiError)) throw error;
    throw new AppError("unavailable", `${where} answers something else: is it the web address of a proxy?`);
  }
}

function trouble(where: string, error: unknown): AppError {
  const text = messageOf(error);
  if (isAppError(error)) return new AppError("unavailable", `the trusted cluster cannot be reached: ${text}`);
  if (/certificate|self.signed|UnknownIssuer|CERT/i.test(text)) {
    return new AppError(
      "unavailable",
      `the trusted cluster uses misconfigured HTTP/TLS certificate: ${where}: ${text}; ` +
        "for a trial start this cluster's daemon with --insecure",
    );
  }
  return new AppError("unavailable", `the trusted cluster cannot be reached at ${where}: ${text}`);
}

function refusal(where: string, { status, text }: HttpAnswer): string {
  try {
    const { message } = JSON.parse(text);
    if (typeof message === "string") {
      return `the trusted cluster refuses: ${message.slice(0, 500).replace(/[^\x20-\x7e]/g, "?")}`;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return `${where} answers with status ${status}: is it the web address of a proxy?`;
}
