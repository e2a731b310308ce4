/**
 * A host's knowledge of users and roles: fetched whenever they change, kept in a file, so that the host can decide while
 * no auth server can be reached. A host that never had it lets nobody in.
 * @module
 */
import * as v from "valibot";
import { type Clock, every, type Timer } from "../base/clock.ts";
import { coalesced } from "../base/coalesced.ts";
import { formatDuration, MINUTE } from "../base/duration.ts";
import { AppError, isAppError, messageOf } from "../base/errors.ts";
import { AccessChecker, effectiveRoles } from "../model/access.ts";
import type { AccessSnapshot, KnownUser, SessionPolicy } from "../model/access_snapshot.ts";
import type { UserIdentity } from "../model/identity.ts";
import type { Role } from "../model/role.ts";
import { mapRoles } from "../model/role_map.ts";
import type { ForeignUsers } from "../model/trusted_cluster.ts";
import { parsePublicKeyLine } from "../ssh/public_key.ts";
import { barred } from "../model/user.ts";
import type { Caller } from "./client.ts";
import type { Trust } from "./identity.ts";
import { accessSnapshotSchema } from "./contract/access.ts";

/** Where a host keeps the snapshot. */
export interface SnapshotFile {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

export interface ClusterAccessOptions {
  api: Caller & { readonly connected: boolean };
  file: SnapshotFile;
  clock: Clock;
  /** Milliseconds that the host decides without an auth server: 0 is not at all, Infinity for ever. */
  ttlMs: number;
  warn(text: string): void;
}

/** What is asked of a user's rights. @returns why it is refused, or undefined */
export type AccessCheck = (rights: AccessChecker) => string | undefined;

interface Known {
  version: string;
  roles: ReadonlyMap<string, Role>;
  users: ReadonlyMap<string, KnownUser>;
  sessions: SessionPolicy;
  foreign: ReadonlyMap<string, ForeignUsers>;
}

/** How long somebody who would be refused waits for newer knowledge. */
const REFRESH_TIMEOUT_MS = 3_000;

/** How often the file learns that what it holds is still true, in milliseconds; more often for a short time to live. */
const CONFIRM_EVERY_MS = 10 * MINUTE;

const fileSchema = v.object({
  version: v.string(),
  snapshot: accessSnapshotSchema,
  /** When an auth server was last connected, in milliseconds since the epoch. */
  confirmed: v.optional(v.number(), 0),
});

export class ClusterAccess {
  readonly #options: ClusterAccessOptions;
  #known: Known | undefined;
  /** When an auth server was last connected: until then all that changed was heard of. */
  #confirmed = 0;
  #snapshot: AccessSnapshot | undefined;
  #foreign: NonNullable<Trust["foreign"]> = [];
  #confirming: Timer | undefined;
  /** Told after the knowledge changed. */
  onChange: () => void = () => {};

  private constructor(options: ClusterAccessOptions) {
    this.#options = options;
  }

  /** With what the file holds, if it can be read; news from auth come as soon as they can. */
  static async open(options: ClusterAccessOptions): Promise<ClusterAccess> {
    const access = new ClusterAccess(options);
    const { ttlMs, clock } = options;
    if (ttlMs > 0) {
      const text = await options.file.read();
      if (text !== undefined) access.#load(text);
      access.#confirming = every(clock, Math.min(CONFIRM_EVERY_MS, ttlMs / 4), () => access.#confirm());
    }
    access.refresh().catch((error: unknown) => {
      if (!isAppError(error)) throw error; // else the connection tells what is wrong, and the next one asks again
    });
    return access;
  }

  #load(text: string): void {
    try {
      const { version, snapshot, confirmed } = v.parse(fileSchema, JSON.parse(text));
      this.#take(version, snapshot);
      this.#confirmed = Math.min(confirmed, this.#options.clock.now());
    } catch (error) {
      if (!(error instanceof SyntaxError) && !(error instanceof v.ValiError)) throw error;
      this.#options.warn(
        `what was kept about users and roles cannot be read, it is fetched anew: ${messageOf(error)}`,
      );
    }
  }

  #take(version: string, snapshot: AccessSnapshot): void {
    const { roles, users, sessions, foreign = [] } = snapshot;
    this.#snapshot = snapshot;
    this.#foreign = foreign.map(({ cluster, userKeys }) => ({
      cluster,
      user: userKeys.map((line) => parsePublicKeyLine(line).key),
    }));
    this.#known = {
      version,
      roles: new Map(roles.map((role) => [role.name, role])),
      users: new Map(users.map((user) => [user.name, user])),
      sessions,
      foreign: new Map(foreign.map((trusted) => [trusted.cluster, trusted])),
    };
  }

  /** The other clusters whose users are let in, for {@linkcode Trust}. */
  get foreign(): NonNullable<Trust["foreign"]> {
    return this.#foreign;
  }

  /** Fetches what changed. */
  readonly refresh = coalesced(async () => {
    const { api, clock } = this.#options;
    const { version, snapshot } = await api.call("access.get", { known: this.#known?.version });
    this.#confirmed = clock.now();
    if (!snapshot) return;
    this.#take(version, snapshot);
    this.onChange();
    await this.#keep();
  });

  async #keep(): Promise<void> {
    const { file, warn, ttlMs } = this.#options;
    if (ttlMs === 0 || !this.#known) return;
    const { version } = this.#known;
    const text = JSON.stringify({ version, snapshot: this.#snapshot, confirmed: this.#confirmed });
    await file.write(text).catch((error: unknown) =>
      warn(`users and roles cannot be kept for times without an auth server: ${messageOf(error)}`)
    );
  }

  async #confirm(): Promise<void> {
    if (!this.#options.api.connected) return;
    this.#confirmed = this.#options.clock.now();
    await this.#keep();
  }

  /** Why nobody new is let in by what is known, or undefined. Who is here already stays. */
  #tooOld(): string | undefined {
    const { api, clock, ttlMs } = this.#options;
    const now = clock.now();
    if (api.connected) this.#confirmed = now;
    if (api.connected || now - this.#confirmed < ttlMs) return undefined;
    if (ttlMs === 0) {
      return "no auth server can be reached, and this host does not decide without one (cache.enabled)";
    }
    const since = this.#confirmed > 0 ? ` since ${new Date(this.#confirmed).toISOString()}` : "";
    return `no auth server was reached${since}; this host decides without one for ${
      formatDuration(ttlMs)
    } (cache.ttl)`;
  }

  /** Ends what it does by itself. */
  close(): void {
    this.#confirming?.cancel();
  }

  /** How sessions end by themselves. */
  get sessions(): SessionPolicy {
    return this.#known?.sessions ?? { clientIdleTimeout: 0, disconnectExpiredCert: false };
  }

  /**
   * The rights of a user who passes the check. Before it refuses, it asks auth once more: the user or the role may be
   * new.
   * @throws {AppError} access_denied with the reason
   */
  async admit(identity: UserIdentity, check: AccessCheck): Promise<AccessChecker> {
    let decision = this.decide(identity, check);
    if (decision.refused !== undefined && this.#options.api.connected) {
      await this.#refreshInTime();
      decision = this.decide(identity, check);
    }
    if (decision.refused !== undefined) throw new AppError("access_denied", decision.refused);
    const tooOld = this.#tooOld();
    if (tooOld !== undefined) throw new AppError("access_denied", tooOld);
    return decision.rights;
  }

  /** The same with what is known now. */
  decide(
    identity: UserIdentity,
    check: AccessCheck,
  ): { refused: string } | { refused?: undefined; rights: AccessChecker } {
    const known = this.#known;
    if (!known) {
      return { refused: "this host has never heard from the auth server who may do what" };
    }
    const now = this.#options.clock.now();
    const named = (names: readonly string[]) =>
      names.flatMap((name) => known.roles.get(name) ?? []).filter(({ expires = Infinity }) => expires > now);
    if (identity.foreign) return decideForeign(identity, known.foreign.get(identity.cluster), named, check);
    const user = known.users.get(identity.name);
    if (!user) return { refused: "the user does not exist any more" };
    const bar = barred(user, now);
    if (bar !== undefined) return { refused: bar };
    const { granted, newer } = effectiveRoles(identity.roles, user.roles);
    const rights = new AccessChecker(named(granted), user, named(newer));
    const refused = check(rights);
    return refused === undefined ? { rights } : { refused };
  }

  async #refreshInTime(): Promise<void> {
    const { clock, warn } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(REFRESH_TIMEOUT_MS, resolve);
    const refreshed = this.refresh().catch((error: unknown) => {
      if (!isAppError(error)) throw error;
      warn(`users and roles could not be asked for: ${error.message}`);
    });
    await Promise.race([refreshed, late]);
    timer.cancel();
  }
}

/** Of another cluster's user: the roles are those of the certificate, as this cluster maps them. */
function decideForeign(
  identity: UserIdentity,
  trusted: ForeignUsers | undefined,
  named: (names: readonly string[]) => Role[],
  check: AccessCheck,
): { refused: string } | { refused?: undefined; rights: AccessChecker } {
  if (!trusted) return { refused: `cluster ${identity.cluster} is not trusted` };
  const rights = foreignRights(identity, named(mapRoles(trusted.roleMap, identity.roles ?? [])));
  if (rights.roles.length === 0) {
    return { refused: `no role of ${identity.name} is mapped to a role of this cluster` };
  }
  const refused = check(rights);
  return refused === undefined ? { rights } : { refused };
}

/** What another cluster's user may do with these roles of this one: the logins are those of the certificate. */
export function foreignRights({ name, logins }: UserIdentity, roles: readonly Role[]): AccessChecker {
  return new AccessChecker(roles, { name, traits: { logins: [...logins] } });
}
