/**
 * A host's membership of the cluster: its certificate (joining first if it has none), a connection to auth that comes
 * back by itself, the authorities it trusts, and its heartbeats.
 * @module
 */
import type { Duplex } from "node:stream";
import { type Clock, every, type Timer } from "../base/clock.ts";
import { AppError, isAppError, messageOf } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import type { JoinRole } from "../model/identity.ts";
import { HEARTBEAT, HOST_CERTIFICATE } from "../model/limits.ts";
import type { ProxyAddresses } from "../model/server.ts";
import { VERSION } from "../model/version.ts";
import { parseCertificateLine } from "../ssh/certificate.ts";
import type { Caller } from "./client.ts";
import { AuthConnection } from "./connection.ts";
import type { Collection } from "./contract.ts";
import {
  formatHostCredentials,
  type HostCredentials,
  parseHostCredentials,
  trustOf,
} from "./host_identity.ts";
import type { Trust } from "./identity.ts";
import { joinCluster, tokenDigest } from "./join.ts";

/** Where the host keeps its identity. */
export interface IdentityFile {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

/** What the host tells about itself. */
export interface Announcement {
  /** `host:port`; `0.0.0.0` stands for wherever the host is seen from. */
  address: string;
  labels: Record<string, string>;
  proxy?: ProxyAddresses;
}

export interface MembershipOptions {
  role: JoinRole;
  hostId: string;
  name: string;
  /** Names a proxy's certificate should carry besides its own. */
  publicNames: string[];
  /** Needed for the first start only. */
  token?: Secret<string>;
  /**
   * The token is of the auth role in this same process, and of this start: who knows it is no stranger. Then it also
   * mends what else would take an administrator, as after a backup's certificate authority was restored.
   */
  besideAuth?: boolean;
  caPins: readonly string[];
  identityFile: IdentityFile;
  dialAuth(): Promise<Duplex>;
  clock: Clock;
  announcement(): Announcement;
  onChanged?(collection: Collection): void | Promise<void>;
  /** The connection to auth was lost, or could not be made. */
  onTrouble?(): void;
  /** The host has a new certificate: show it to clients from now on. */
  onRenewed?(credentials: HostCredentials): void;
  /** Progress and trouble, for the log. */
  report(level: "info" | "warn", text: string): void;
}

const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 5_000;
/** Hosts renew their certificates within this time, not all in the same moment. */
const RENEWAL_SPREAD_MS = 2_000;
/** A host that the cluster does not know any more tries its join token this often. */
const REJOIN_EVERY_MS = 10_000;

export class Membership {
  readonly auth: AuthConnection;
  #credentials: HostCredentials;
  #trust: Trust;
  #heartbeat: Timer | undefined;
  #stopped = false;
  #quiet = false;
  #renewal: Timer | undefined;
  #rejoined = -Infinity;
  #rejoining: Promise<void> = Promise.resolve();
  readonly #also: Timer[] = [];
  readonly #firstContact = Promise.withResolvers<unknown>();

  private constructor(readonly options: MembershipOptions, credentials: HostCredentials) {
    this.#credentials = credentials;
    this.#trust = trustOf(credentials.cluster, credentials.authorities);
    let reported = "";
    this.auth = new AuthConnection({
      dial: options.dialAuth,
      clock: options.clock,
      login: () => ({
        username: this.#credentials.hostId,
        credential: { key: this.#credentials.key, certificate: this.#credentials.certificate },
        trust: this.#trust,
      }),
      onConnected: async (api) => {
        this.#firstContact.resolve(undefined);
        reported = "";
        await this.#announce(api);
        await this.#refreshTrust(api);
        this.#renewIfDue();
        for (const collection of ["servers", "roles"] as const) await options.onChanged?.(collection);
      },
      onChanged: (collection) => {
        void this.#guard(this.#onChanged(collection));
      },
      onTrouble: (reason, error) => {
        if (isAppError(error, "unauthenticated")) this.#rejoining = this.#guard(this.#rejoin());
        this.#firstContact.resolve(error);
        options.onTrouble?.();
        if (this.#stopped || reason === reported) return; // the same trouble every few seconds is one line
        reported = reason;
        const advice = isAppError(error, "unauthenticated") && !this.#mayRejoin ? REJOIN_ADVICE : "";
        options.report("warn", `auth server: ${reason}${advice}`);
      },
    });
    this.#scheduleHeartbeat();
  }

  /**
   * Loads the identity or joins. Waits as long as no auth server answers.
   * @throws {AppError} access_denied or unauthenticated when the cluster refuses this host for good
   */
  static async start(options: MembershipOptions): Promise<Membership> {
    const stored = await options.identityFile.read();
    const credentials = stored === undefined ? await join(options) : await upToDate(
      options,
      parseHostCredentials(stored),
    );
    const membership = new Membership(options, credentials);
    if (options.besideAuth && stored !== undefined) {
      await membership.#firstContact.promise;
      await membership.#rejoining;
    }
    return membership;
  }

  get trust(): Trust {
    return this.#trust;
  }

  get credentials(): HostCredentials {
    return this.#credentials;
  }

  /** Says no more that this host is there: it takes no more clients, or another process of it announces itself. */
  stopAnnouncing(): void {
    this.#quiet = true;
    this.#heartbeat?.cancel();
  }

  async #onChanged(collection: Collection): Promise<void> {
    if (collection === "authorities") await this.#refreshTrust(this.auth);
    await this.options.onChanged?.(collection);
  }

  async #announce(api: Caller): Promise<void> {
    if (this.#quiet) return;
    const { role, name } = this.options;
    await api.call("servers.announce", { role, name, version: VERSION, ...this.options.announcement() });
  }

  async #refreshTrust(api: Caller): Promise<void> {
    const authorities = await api.call("authorities.list", {});
    if (JSON.stringify(authorities) === JSON.stringify(this.#credentials.authorities)) return;
    await this.#keep({ ...this.#credentials, authorities });
    this.#renewIfDue();
  }

  async #keep(credentials: HostCredentials): Promise<void> {
    const renewed = credentials.certificate !== this.#credentials.certificate;
    this.#credentials = credentials;
    this.#trust = trustOf(credentials.cluster, credentials.authorities);
    if (renewed) this.options.onRenewed?.(credentials);
    await this.options.identityFile.write(formatHostCredentials(credentials));
  }

  /** A certificate is renewed when another key signs for the cluster now, and in time before it ends. */
  #renewIfDue(): void {
    const { certificate } = this.#credentials;
    const [signs] = this.#trust.host;
    const remaining = certificate.validBefore * 1000 - this.options.clock.now();
    const due = signs !== undefined && !signs.equals(certificate.authority) ||
      remaining < HOST_CERTIFICATE.ttl - HOST_CERTIFICATE.renewAfter;
    if (!due || this.#renewal || this.#stopped) return;
    this.#renewal = this.options.clock.after(Math.random() * RENEWAL_SPREAD_MS, async () => {
      await this.#guard(this.#renew());
      this.#renewal = undefined;
    });
  }

  async #renew(): Promise<void> {
    const { key } = this.#credentials;
    const answer = await this.auth.call("hosts.renew", { publicKey: key.publicKey.toLine() });
    const certificate = parseCertificateLine(answer.certificate);
    const { authorities } = answer;
    if (!certificate.key.equals(key.publicKey)) {
      throw new AppError("unavailable", "the auth server sent a certificate of another key");
    }
    await this.#keep({ ...this.#credentials, certificate, authorities });
    this.options.report("info", "this host has a new certificate");
    await this.auth.renew(); // the connection of the old one ends with the old authority
  }

  get #mayRejoin(): boolean {
    return mayTrustAnother(this.options, this.#credentials);
  }

  /**
   * The cluster knows this host no more: its authorities were rotated without it, or came from a backup. With a new join
   * token it comes back by itself, under the same id and with the same key.
   */
  async #rejoin(): Promise<void> {
    const { token, clock, report } = this.options;
    if (!token || !this.#mayRejoin || this.#stopped || clock.now() < this.#rejoined + REJOIN_EVERY_MS) return;
    this.#rejoined = clock.now();
    const { key } = this.#credentials;
    const stream = await this.options.dialAuth();
    await this.#keep(await joinCluster({ ...this.options, token, stream, key }));
    report("info", `joined cluster ${this.#credentials.cluster} again`);
    this.auth.retryNow();
  }

  #scheduleHeartbeat(): void {
    const delay = HEARTBEAT.interval + Math.random() * HEARTBEAT.jitter;
    this.#heartbeat = this.options.clock.after(delay, async () => {
      if (this.auth.connected) await this.#guard(this.#announce(this.auth));
      if (this.auth.connected) this.#renewIfDue();
      if (!this.#stopped && !this.#quiet) this.#scheduleHeartbeat();
    });
  }

  /** Announces at once, after something in the announcement changed. */
  async announceNow(): Promise<void> {
    if (this.auth.connected) await this.#guard(this.#announce(this.auth));
  }

  async #guard(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!this.#stopped) this.options.report("warn", messageOf(error));
    }
  }

  /** Does something as soon as auth is connected, and then now and again. */
  alsoEvery(ms: number, work: () => Promise<void>): void {
    void this.#guard(work());
    const again = async () => {
      if (this.auth.connected) await this.#guard(work());
    };
    this.#also.push(every(this.options.clock, ms, again));
  }

  stop(): void {
    this.#stopped = true;
    for (const work of this.#also) work.cancel();
    this.#heartbeat?.cancel();
    this.#renewal?.cancel();
    this.auth.close();
  }
}

const REJOIN_ADVICE =
  '; if the cluster\'s authorities were rotated while this host was away, get a token with "tctl nodes add" and start ' +
  "it with --token";

/** Why clients would refuse the host with a certificate, if they would. */
function flawOf(
  { name, publicNames, besideAuth }: MembershipOptions,
  stored: HostCredentials,
): string | undefined {
  const { principals, authority } = stored.certificate;
  const [signing] = trustOf(stored.cluster, stored.authorities).host;
  if (besideAuth === true && signing !== undefined && !signing.equals(authority)) {
    return "clients will refuse this host, its certificate is of a host CA that was replaced";
  }
  const missing = [name, ...publicNames].filter((name) => !principals.includes(name));
  if (missing.length === 0) return undefined;
  return `clients will refuse this host as ${missing.join(", ")}, its certificate lacks that`;
}

/**
 * The stored credentials, or new ones when clients would refuse the host with these: when it was given names since then
 * that its certificate does not carry, or when another key signs for the cluster now, as after a restored backup. A
 * cluster that does not let it join again leaves it as it was, and so does one that is away.
 */
async function upToDate(options: MembershipOptions, stored: HostCredentials): Promise<HostCredentials> {
  const flaw = flawOf(options, stored);
  if (flaw === undefined) return stored;
  try {
    // Auth in the same daemon is only starting.
    return await (options.besideAuth === true ? join : joinOnce)(options, stored);
  } catch (error) {
    if (!isAppError(error)) throw error;
    options.report("warn", `${flaw}: ${error.message}`);
    return stored;
  }
}

/**
 * Only a token that was not used before shows that an administrator wants the host to trust another authority: one that
 * many know would let any of them stand in for the cluster.
 */
function mayTrustAnother({ token, besideAuth }: MembershipOptions, { joinedWith }: HostCredentials): boolean {
  return token !== undefined && (besideAuth === true || tokenDigest(token) !== joinedWith);
}

async function joinOnce(options: MembershipOptions, stored?: HostCredentials): Promise<HostCredentials> {
  const { token, report } = options;
  if (!token) {
    throw new AppError(
      "access_denied",
      `this host has not joined a cluster yet and has no join token; get one with "tctl nodes add" on the auth ` +
        "server and start with --token, or set auth_token",
    );
  }
  const known = stored && !mayTrustAnother(options, stored)
    ? trustOf(stored.cluster, stored.authorities).host
    : undefined;
  const stream = await options.dialAuth();
  const credentials = await joinCluster({ ...options, token, stream, key: stored?.key, known });
  await options.identityFile.write(formatHostCredentials(credentials));
  report("info", `joined cluster ${credentials.cluster} as ${options.role} ${options.hostId}`);
  return credentials;
}

/** Waits as long as no auth server answers. */
async function join(options: MembershipOptions, stored?: HostCredentials): Promise<HostCredentials> {
  const { clock, report } = options;
  let delay = FIRST_RETRY_MS;
  for (;;) {
    try {
      return await joinOnce(options, stored);
    } catch (error) {
      if (!isAway(error)) throw error;
      report("warn", `cannot join yet: ${error.message}`);
      await new Promise<void>((resolve) => clock.after(delay, resolve));
      delay = Math.min(delay * 2, MAX_RETRY_MS);
    }
  }
}

function isAway(error: unknown): error is AppError {
  return isAppError(error, "unavailable") || isAppError(error, "timeout") || isAppError(error, "closed");
}
