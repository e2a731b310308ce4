/**
 * Calls to DynamoDB by its JSON protocol ("DynamoDB low-level API"). AWS's own library would want to read two dozen
 * variables of the environment, files of the home directory and facts about the machine; the auth role may do none of
 * that. Every call made here may be repeated: reads, and transactions with a token of their own.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { networkReason } from "../network_reason.ts";
import type { AwsCredentials } from "./credentials.ts";
import { signedHeaders } from "./sign.ts";

/** A value in DynamoDB's JSON. */
export interface AttributeValue {
  S?: string;
  N?: string;
}
export type Item = Record<string, AttributeValue>;

/** A call that DynamoDB has refused. */
export class DynamoRefusal extends Error {
  constructor(
    /** `ResourceNotFoundException` and the like. */
    readonly type: string,
    message: string,
    /** Of a transaction: why, one by one. */
    readonly reasons: readonly string[],
  ) {
    super(message);
  }
}

export interface DynamoClientOptions {
  region: string;
  /** `https://dynamodb.eu-west-1.amazonaws.com` */
  endpoint: string;
  credentials: AwsCredentials;
  clock: Clock;
  /** Tests look on. */
  onCall?(action: string, body: Readonly<Record<string, unknown>>): void;
}

const ATTEMPT_MS = 5 * SECOND;
const DEADLINE_MS = 15 * SECOND;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2 * SECOND;
const AGAIN: ReadonlySet<string> = new Set([
  "ThrottlingException",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "LimitExceededException",
  "InternalServerError",
  "ServiceUnavailable",
  "TransactionInProgressException",
]);
const NOT_ALLOWED: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "MissingAuthenticationTokenException",
  "InvalidClientTokenId",
  "IncompleteSignatureException",
]);
/** Keys that a role has lent may end while they are under way: the next attempt has others. */
const EXPIRED = "ExpiredTokenException";

export class DynamoClient {
  readonly #http = Deno.createHttpClient({ http2: false });
  #closed = false;

  constructor(readonly options: DynamoClientOptions) {}

  /**
   * @throws {DynamoRefusal} what the caller may want to tell apart
   * @throws {AppError} access_denied for keys that may not do this; unavailable, naming the address
   */
  async call<T>(
    action: string,
    body: Readonly<Record<string, unknown>>,
    deadlineMs = DEADLINE_MS,
  ): Promise<T> {
    const { clock, endpoint } = this.options;
    this.options.onCall?.(action, body);
    const text = new TextEncoder().encode(JSON.stringify(body));
    const end = clock.now() + deadlineMs;
    for (let pause = FIRST_PAUSE_MS, attempts = 1;; pause = Math.min(pause * 2, MAX_PAUSE_MS), attempts++) {
      try {
        return await this.#attempt<T>(action, text);
      } catch (error) {
        if (this.#closed) throw new AppError("closed", "the store was closed");
        const says = reasonToRepeat(action, error);
        if (clock.now() >= end || attempts > 12) {
          throw new AppError("unavailable", `DynamoDB at ${endpoint}: ${says}`);
        }
        await new Promise<void>((resolve) => clock.after(pause * (0.5 + Math.random()), resolve));
      }
    }
  }

  async #attempt<T>(action: string, body: Uint8Array): Promise<T> {
    const { endpoint, region, credentials, clock } = this.options;
    const url = new URL("/", endpoint);
    const keys = await credentials.keys();
    const headers = signedHeaders({
      method: "POST",
      url,
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `DynamoDB_20120810.${action}`,
      },
      body,
    }, { keys, region, service: "dynamodb", now: Date.now() });
    const timeout = new AbortController();
    const timer = clock.after(ATTEMPT_MS, () => timeout.abort());
    try {
      const how: RequestInit & { client: Deno.HttpClient } = {
        method: "POST",
        headers,
        body: body as BodyInit,
        redirect: "error",
        signal: timeout.signal,
        client: this.#http,
      };
      const answer = await fetch(url, how);
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text);
      throw refusalOf(text, answer.status);
    } catch (error) {
      if (timeout.signal.aborted) {
        throw new AppError("unavailable", `no answer within ${ATTEMPT_MS / 1000} s`);
      }
      throw error;
    } finally {
      timer.cancel();
    }
  }

  close(): void {
    this.#closed = true;
    this.#http.close();
  }
}

/** Why an attempt failed that another one may mend. @throws the error that none mends */
function reasonToRepeat(action: string, error: unknown): string {
  if (error instanceof DynamoRefusal) {
    if (NOT_ALLOWED.has(error.type)) {
      throw new AppError(
        "access_denied",
        `DynamoDB does not allow ${action}: ${error.message} (${error.type}); check access_key, secret_key, region and ` +
          "the IAM policy",
      );
    }
    if (AGAIN.has(error.type) || error.type === EXPIRED) return `${error.type}: ${error.message}`;
    const conflict = error.type === "TransactionCanceledException" &&
      error.reasons.some((reason) => reason !== "None") &&
      error.reasons.every((reason) => ["None", "TransactionConflict", "ThrottlingError"].includes(reason));
    if (conflict) return "others write the same records all the time";
    throw error;
  }
  if (error instanceof AppError && error.code !== "unavailable") throw error;
  if (!(error instanceof Error)) throw error;
  return networkReason(error);
}

function refusalOf(text: string, status: number): Error {
  try {
    const { __type = "", message, Message, CancellationReasons = [] } = JSON.parse(text);
    const reasons = (CancellationReasons as { Code?: string }[]).map(({ Code = "None" }) => Code);
    return new DynamoRefusal(String(__type).replace(/^.*#/, ""), String(message ?? Message ?? ""), reasons);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return new AppError(status >= 500 ? "unavailable" : "unsupported", `it answers with status ${status}`);
  }
}
