/**
 * What this proxy shows to clients in the place of the hosts that they want: certificates of its own key with the hosts'
 * names, which auth signs where proxies record, and nowhere else.
 * @module
 */
import { isIP } from "node:net";
import type { Caller } from "../../api/client.ts";
import type { HostCredentials } from "../../api/host_identity.ts";
import { type Clock, toSeconds } from "../../base/clock.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { TARGET_CERTIFICATE } from "../../model/limits.ts";
import { isHostName } from "../../model/name.ts";
import { parseCertificateLine } from "../../ssh/certificate.ts";
import { printable } from "../../ssh/public_key.ts";
import type { HostCredential } from "../../ssh/server.ts";
import type { Target } from "../route.ts";

/** What could not be had now is asked for again after this. */
const RETRY_MS = 30_000;
/** How many hosts' certificates are kept. */
const MAX_KEPT = 1000;

interface Kept {
  credential: Promise<HostCredential>;
  /** The proxy's own certificate at that time: with another, another authority may sign. */
  own: unknown;
  until: number;
}

export interface TargetCertificatesOptions {
  api: Caller;
  /** The proxy's own. */
  credentials(): HostCredentials;
  clock: Clock;
}

export class TargetCertificates {
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>();

  constructor(readonly options: TargetCertificatesOptions) {}

  /** @throws {AppError} bad_input for a name that no certificate can carry, and what the call to auth throws */
  for(target: Target): Promise<HostCredential> {
    const { clock, credentials } = this.options;
    const names = namesOf(target, credentials().cluster);
    const key = names.join(" ");
    const own = credentials().certificate;
    const kept = this.#kept.get(key);
    if (kept && kept.own === own && clock.now() < kept.until) return kept.credential;
    const credential = kept && kept.own === own ? this.#renew(names, kept.credential) : this.#ask(names);
    const fresh: Kept = { credential, own, until: clock.now() + RETRY_MS };
    credential.then(({ certificate }) => {
      fresh.until = Math.max(fresh.until, certificate.validBefore * 1000 - TARGET_CERTIFICATE.ttl / 2);
    }, () => {
      if (this.#kept.get(key) === fresh) this.#kept.delete(key);
    });
    this.#kept.delete(key);
    this.#kept.set(key, fresh);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return credential;
  }

  /** While no auth server answers, the old one will do until it ends. */
  async #renew(names: string[], old: Promise<HostCredential>): Promise<HostCredential> {
    try {
      return await this.#ask(names);
    } catch (error) {
      if (!isAppError(error)) throw error;
      const before = await old;
      if (before.certificate.validBefore <= toSeconds(this.options.clock.now())) throw error;
      return before;
    }
  }

  async #ask(names: string[]): Promise<HostCredential> {
    const { api, credentials } = this.options;
    const { key } = credentials();
    const publicKey = key.publicKey.toLine();
    const { certificate } = await api.call("certificates.target", { names, publicKey });
    return { key, certificate: parseCertificateLine(certificate) };
  }
}

/** What clients may call a host, so that their check of its certificate succeeds. */
function namesOf({ host, node }: Target, cluster: string): string[] {
  const asked = [host, host.toLowerCase()].filter((name) => isHostName(name) || isIP(name) !== 0);
  const own = node ? [node.name, `${node.name}.${cluster}`, node.id, `${node.id}.${cluster}`] : [];
  const names = [...new Set([...asked, ...own])];
  if (names.length > 0) return names;
  throw new AppError("bad_input", `"${printable(host)}" is no name of a host`);
}
