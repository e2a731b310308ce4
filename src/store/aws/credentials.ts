/**
 * Where the keys for AWS come from: configuration or environment, or the IAM role of the container or of the machine,
 * which its metadata service lends for some hours.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { MINUTE, SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { networkReason } from "../network_reason.ts";
import type { AwsKeys, AwsSource } from "../../model/store_settings.ts";

/** What the metadata services answer. */
interface LentKeys {
  AccessKeyId?: string;
  SecretAccessKey?: string;
  Token?: string;
  Expiration?: string;
}

/** They are fetched anew so long before their end. */
const BEFORE_END_MS = 5 * MINUTE;
const TIMEOUT_MS = 5 * SECOND;
const MAX_ANSWER = 64 * 1024;

export class AwsCredentials {
  #lent: { keys: AwsKeys; until: number } | undefined;
  #asking: Promise<AwsKeys> | undefined;

  constructor(readonly source: AwsSource, readonly clock: Clock) {}

  /** @throws {AppError} unavailable when no role lends any */
  async keys(): Promise<AwsKeys> {
    const { source } = this;
    if (source.kind === "keys") return source;
    if (this.#lent && this.#lent.until - BEFORE_END_MS > this.clock.now()) return this.#lent.keys;
    this.#asking ??= this.#ask(source).finally(() => this.#asking = undefined);
    try {
      return await this.#asking;
    } catch (error) {
      // The old ones are good for some minutes more.
      if (this.#lent && this.#lent.until > this.clock.now()) return this.#lent.keys;
      throw error;
    }
  }

  async #ask(source: Exclude<AwsSource, { kind: "keys" }>): Promise<AwsKeys> {
    let text: string;
    try {
      text = source.kind === "container" ? await fromContainer(source) : await fromInstance(source.endpoint);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new AppError(
        "unavailable",
        `AWS: there are no keys: neither teleport.storage nor the environment has any, and the IAM role's cannot be had ` +
          `from ${source.kind === "container" ? source.url : source.endpoint}: ${networkReason(error)}`,
      );
    }
    const lent = parseKeys(text);
    this.#lent = { keys: lent.keys, until: lent.until };
    return lent.keys;
  }
}

function parseKeys(text: string): { keys: AwsKeys; until: number } {
  const bad = () => new AppError("unavailable", "AWS: the metadata service's answer holds no keys");
  let lent: LentKeys;
  try {
    lent = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw bad();
    throw error;
  }
  const { AccessKeyId: accessKey, SecretAccessKey: secretKey, Token: sessionToken, Expiration = "" } = lent;
  const until = Date.parse(Expiration);
  if (typeof accessKey !== "string" || typeof secretKey !== "string" || Number.isNaN(until)) throw bad();
  return { keys: { accessKey, secretKey, sessionToken }, until };
}

async function fromContainer(source: Extract<AwsSource, { kind: "container" }>): Promise<string> {
  const { url, authorization } = source;
  return await ask(url, { headers: authorization === undefined ? {} : { authorization } });
}

/** Instance metadata service, version 2: a token first. */
async function fromInstance(endpoint: string): Promise<string> {
  const base = `${endpoint.replace(/\/+$/, "")}/latest`;
  const token = await ask(`${base}/api/token`, {
    method: "PUT",
    headers: { "x-aws-ec2-metadata-token-ttl-seconds": "300" },
  });
  const headers = { "x-aws-ec2-metadata-token": token };
  const roles = `${base}/meta-data/iam/security-credentials/`;
  const [role = ""] = (await ask(roles, { headers })).split("\n");
  if (!/^[\w+=,.@-]{1,128}$/.test(role)) throw new AppError("unavailable", "this machine has no IAM role");
  return await ask(`${roles}${role}`, { headers });
}

async function ask(url: string, how: RequestInit): Promise<string> {
  const answer = await fetch(url, { ...how, redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = (await answer.text()).slice(0, MAX_ANSWER);
  if (!answer.ok) throw new AppError("unavailable", `it answers with status ${answer.status}`);
  return text;
}
