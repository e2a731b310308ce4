/**
 * Single sign-on: one flow for all sorts of providers. A login is begun for a browser or for a terminal; what comes back
 * is taken once, and only from the browser it was begun in; who is proven then gets a record, and a certificate or a web
 * session. Every outcome is in the audit log before anybody has anything of it.
 * @module
 */
import type { Clock } from "../../../base/clock.ts";
import { AppError, isAppError } from "../../../base/errors.ts";
import { equalInConstantTime, Secret } from "../../../base/secret.ts";
import { ANSWER_FIELD, checkAnswerSecret, sealAnswer, type SsoAnswer } from "../../../api/sso_answer.ts";
import { CERTIFICATE_TTL, WEB_SESSION } from "../../../model/limits.ts";
import type { SsoFailure, SsoKind } from "../../../model/sso.ts";
import { formatCertificateLine } from "../../../ssh/certificate.ts";
import { parsePublicKeyLine } from "../../../ssh/public_key.ts";
import type { AuditLog } from "../../audit/log.ts";
import type { Authorities } from "../../ca/authorities.ts";
import type { Issuer } from "../../ca/issue.ts";
import type { Connectors } from "./connectors.ts";
import type { ExternalUsers, Vouched } from "./external_users.ts";
import { type Fields, SsoRefused } from "./provider.ts";
import type { Purpose, SsoRequest, SsoRequests } from "./requests.ts";

/** What the browser is to do next. */
export type Finished =
  | { result: "web"; user: string; claim: string; returnTo: string }
  | { result: "console"; url: string }
  | { result: "failed"; why: SsoFailure };

export interface SsoParts {
  connectors: Connectors;
  requests: SsoRequests;
  users: ExternalUsers;
  issuer: Issuer;
  authorities: Authorities;
  audit: AuditLog;
  clock: Clock;
}

/** Where the terminal waits: on this machine, and nothing else. */
const CALLBACK = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):([1-9]\d{0,4})\/[A-Za-z0-9_-]{0,128}$/;
const MAX_KEY = 4096;
/** A place of our own pages. */
const RETURN_TO = /^\/web(?:\/[\x21-\x5b\x5d-\x7e]{0,1000})?$/;

export class SingleSignOn {
  constructor(readonly parts: SsoParts) {}

  /** @throws {AppError} not_found, bad_input, limit; unavailable when the provider cannot be used */
  async begin(
    kind: SsoKind,
    name: string | undefined,
    purpose: Purpose,
    address: string,
  ): Promise<{ url: string }> {
    const { connectors, requests } = this.parts;
    checkPurpose(purpose);
    requests.requireRoom();
    const connector = await connectors.get(kind, name);
    const state = requests.newState();
    try {
      const { url, memory } = await connector.provider.begin(state);
      await requests.put(state, {
        kind,
        connector: connector.name,
        revision: connector.revision,
        purpose,
        memory,
      });
      return { url };
    } catch (error) {
      if (!(error instanceof SsoRefused)) throw error;
      await this.#failed(kind, connector.name, address, error);
      throw new AppError("unavailable", `the connector "${connector.name}" cannot be used right now`);
    }
  }

  /** @param browser the digest of the browser's cookie, if it has one */
  async finish(
    kind: SsoKind,
    fields: Fields,
    browser: string | undefined,
    address: string,
  ): Promise<Finished> {
    const state = (kind === "saml" ? fields.RelayState : fields.state) ?? "";
    const request = /^[A-Za-z0-9_-]{43}$/.test(state) ? await this.parts.requests.take(state) : undefined;
    try {
      if (!request || request.kind !== kind) {
        throw new SsoRefused("expired", "no such login waits to be finished");
      }
      const { purpose } = request;
      if (purpose.for === "web" && !equalInConstantTime(purpose.browser, browser ?? "")) {
        throw new SsoRefused("expired", "the login was begun in another browser");
      }
      return await this.#proven(request, fields, address);
    } catch (error) {
      if (!(error instanceof SsoRefused)) throw error;
      await this.#failed(kind, request?.connector, address, error);
      const { why } = error;
      if (request?.purpose.for !== "console" || request.kind !== kind) return { result: "failed", why };
      return { result: "console", url: answerUrl(request.purpose, { result: "failed", why }) };
    }
  }

  async #proven(request: SsoRequest, fields: Fields, address: string): Promise<Finished> {
    const { connectors, users, audit, requests } = this.parts;
    const { kind, purpose } = request;
    const connector = await connectors.get(kind, request.connector).catch((error: unknown) => {
      if (!isAppError(error, "not_found")) throw error;
      throw new SsoRefused("expired", "the connector was removed meanwhile");
    });
    if (connector.revision !== request.revision) {
      throw new SsoRefused("expired", "the connector was changed meanwhile");
    }
    const external = await connector.provider.finish(fields, request.memory);
    const ttl = purpose.for === "web" ? WEB_SESSION.ttl : purpose.ttl ?? CERTIFICATE_TTL.default;
    const vouched = await users.vouch(external, { kind, connector: connector.name }, ttl);
    await this.#recordChange(vouched, kind, connector.name, address);
    const { user } = vouched;
    const login = { event: "user.login", method: kind, connector: connector.name, user: user.name } as const;
    if (purpose.for === "web") {
      await audit.emit({ ...login, "addr.remote": address, success: true });
      const claim = await requests.putClaim({ user: user.name, created: user.created });
      return { result: "web", user: user.name, claim, returnTo: purpose.returnTo };
    }
    const url = answerUrl(purpose, await this.#certificate(vouched, purpose, ttl));
    await audit.emit({ ...login, "addr.remote": address, success: true });
    return { result: "console", url };
  }

  async #certificate(
    { user }: Vouched,
    { publicKey, certFormat }: Extract<Purpose, { for: "console" }>,
    ttl: number,
  ): Promise<SsoAnswer> {
    const { issuer, authorities } = this.parts;
    try {
      const certificate = await issuer.forUser(user, publicKey, { ttl, certFormat });
      return {
        result: "in",
        user: user.name,
        certificate: formatCertificateLine(certificate, user.name),
        cluster: authorities.cluster,
        hostAuthorities: authorities.trusted("host").map((key) => key.toLine()),
      };
    } catch (error) {
      if (!isAppError(error, "bad_input")) throw error;
      throw new SsoRefused("logins", `${user.name}: ${error.message}`, { cause: error });
    }
  }

  async #recordChange(
    { user, change }: Vouched,
    kind: SsoKind,
    connector: string,
    address: string,
  ): Promise<void> {
    if (change === "unchanged") return;
    await this.parts.audit.emit({
      event: change === "created" ? "user.create" : "user.update",
      user: user.name,
      by: `${kind}/${connector}`,
      roles: user.roles.join(","),
      "addr.remote": address,
      reason: "single sign-on",
    });
  }

  #failed(
    kind: SsoKind,
    connector: string | undefined,
    address: string,
    { message }: SsoRefused,
  ): Promise<void> {
    return this.parts.audit.emit({
      event: "user.login",
      method: kind,
      connector,
      "addr.remote": address,
      success: false,
      error: message,
    });
  }
}

/** @throws {AppError} bad_input */
function checkPurpose(purpose: Purpose): void {
  if (purpose.for === "web") {
    if (!RETURN_TO.test(purpose.returnTo)) {
      throw new AppError("bad_input", "a login in the browser can only lead to our own pages");
    }
    return;
  }
  const port = Number(CALLBACK.exec(purpose.callback)?.[1] ?? 0);
  if (port < 1 || port > 65535) {
    throw new AppError(
      "bad_input",
      "a terminal can only wait on a loopback address: http://127.0.0.1:port/word",
    );
  }
  checkAnswerSecret(purpose.secret);
  // What is kept for ten minutes for a stranger is a key, and no larger than one.
  if (purpose.publicKey.length > MAX_KEY) throw new AppError("bad_input", "the public key is too large");
  parsePublicKeyLine(purpose.publicKey);
}

function answerUrl({ callback, secret }: Extract<Purpose, { for: "console" }>, answer: SsoAnswer): string {
  return `${callback}?${ANSWER_FIELD}=${sealAnswer(new Secret(secret), answer)}`;
}
