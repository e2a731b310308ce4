/**
 * Hosts of the cluster: who may get a host certificate, and for which names. Names come from here, never from the
 * request alone: a host gets its id and its own name, a proxy or auth server also the public names it is run with.
 * @module
 */
import { isIP } from "node:net";
import { AppError } from "../../base/errors.ts";
import type { JoinerIdentity, JoinRole } from "../../model/identity.ts";
import { isUuid } from "../../model/name.ts";
import { parsePublicKeyLine } from "../../ssh/public_key.ts";
import type { Backend, Key } from "../../store/backend.ts";

/** What a host asks for. */
export interface JoinRequest {
  hostId: string;
  name: string;
  keys: { role: JoinRole; publicKey: string }[];
  publicNames: string[];
}

/** What the store knows of a host. */
export interface HostRecord {
  id: string;
  name: string;
  /** Fingerprint of the key certified for each role. */
  roles: Partial<Record<JoinRole, string>>;
  tokenId: string;
  joined: number;
  /** Further names of its certificates, as a proxy or an auth server. */
  publicNames?: string[];
}

const MAX_NAMES = 64;
const keyOf = (hostId: string): Key => ["host", hostId];

/** Knows which hosts are up right now. */
export interface Census {
  /** The id of a running host of this name other than `hostId`, if any. */
  otherHostNamed(name: string, hostId: string): string | undefined;
}

export class Hosts {
  constructor(readonly backend: Backend, readonly cluster: string, readonly census: Census) {}

  /**
   * Checks a join and remembers the host.
   * @returns the names that each role's certificate may carry
   */
  async admit(
    joiner: JoinerIdentity,
    request: JoinRequest,
    now: number,
  ): Promise<(role: JoinRole) => string[]> {
    for (const { role } of request.keys) {
      if (!joiner.roles.includes(role)) {
        throw new AppError("access_denied", `the join token does not allow the role "${role}"`);
      }
    }
    if (request.keys.some(({ role }) => role === "auth")) {
      throw new AppError(
        "access_denied",
        "an auth server does not join over the network: start it on the cluster's store, with the token as auth_token",
      );
    }
    if (joiner.hostId !== undefined && joiner.hostId !== request.hostId) {
      throw new AppError("access_denied", "the join token belongs to another host");
    }
    this.#checkName(request);
    // The roles of one host join at the same time, each with its own request.
    while (!await this.#remember(joiner, request, now));
    return (role) => this.namesOf(role, request);
  }

  #checkName({ name, hostId, publicNames }: JoinRequest): void {
    const cluster = this.cluster.toLowerCase();
    for (const taken of [name, ...publicNames]) {
      const plain = taken.toLowerCase();
      if (plain === cluster || plain.endsWith(`.${cluster}`)) {
        throw new AppError(
          "bad_input",
          `a host cannot be called "${taken}": that name belongs to the cluster`,
        );
      }
      if (taken !== hostId && isUuid(taken.toLowerCase())) {
        throw new AppError(
          "bad_input",
          `a host cannot be called "${taken}": that is the form of a host's id`,
        );
      }
    }
    for (const wanted of [name, ...publicNames]) {
      const other = this.census.otherHostNamed(wanted, hostId);
      if (other) {
        throw new AppError(
          "already_exists",
          `a running host is called "${wanted}" already (${other}); choose another name with --nodename`,
        );
      }
    }
  }

  /**
   * The names of a member's new certificate: those it joined with, for the key it joined with.
   * @throws {AppError} access_denied with what to do
   */
  async renewal(host: { hostId: string; role: JoinRole }, publicKey: string): Promise<string[]> {
    const entry = await this.backend.get(keyOf(host.hostId));
    const record: HostRecord | undefined = entry && JSON.parse(entry.value);
    if (!record || record.roles[host.role] !== parsePublicKeyLine(publicKey).key.fingerprint) {
      throw new AppError(
        "access_denied",
        `this host is not known with this key as a ${host.role}; empty its data_dir and join again`,
      );
    }
    return this.namesOf(host.role, { ...record, hostId: record.id, publicNames: record.publicNames ?? [] });
  }

  /**
   * Names that an administrator has certified for a server that is not ours: none that a member goes by.
   * @throws {AppError} bad_input or already_exists with the name
   */
  async checkForeignNames(names: readonly string[]): Promise<void> {
    const members = (await this.backend.list(["host"])).map(({ value }): HostRecord => JSON.parse(value));
    for (const name of names) {
      const plain = name.toLowerCase();
      const cluster = this.cluster.toLowerCase();
      const bare = plain.endsWith(`.${cluster}`) ? plain.slice(0, -cluster.length - 1) : plain;
      if (plain === cluster || isUuid(bare)) {
        throw new AppError(
          "bad_input",
          `"${name}" is a name of the cluster itself, or has the form of a host's id`,
        );
      }
      const taken = members.find((member) =>
        [member.name, ...member.publicNames ?? []].some((known) =>
          [plain, bare].includes(known.toLowerCase())
        )
      );
      if (!taken) continue;
      throw new AppError("already_exists", `"${name}" is the name of ${taken.id}, a host of this cluster`);
    }
  }

  /**
   * Names of hosts that a recording proxy stands in for: none that only proxies and auth servers go by.
   * @throws {AppError} access_denied with the name
   */
  async checkTargetNames(names: readonly string[]): Promise<void> {
    const members = (await this.backend.list(["host"])).map(({ value }): HostRecord => JSON.parse(value));
    const own = (host: HostRecord) =>
      [host.id, host.name].flatMap((name) => [name, `${name}.${this.cluster}`]);
    const lower = (names: string[]) => names.map((name) => name.toLowerCase());
    const nodes = new Set(lower(members.filter(({ roles }) => roles.node !== undefined).flatMap(own)));
    const others = new Set(
      lower(members.flatMap((host) => [...own(host), ...host.publicNames ?? []])).filter((name) =>
        isDomain(name) && !nodes.has(name)
      ),
    );
    const cluster = this.cluster.toLowerCase();
    const taken = names.find((name) => name.toLowerCase() === cluster || others.has(name.toLowerCase()));
    if (taken === undefined) return;
    throw new AppError(
      "access_denied",
      `no proxy stands in for "${taken}": that is a proxy or an auth server of the cluster, or the cluster itself`,
    );
  }

  /**
   * A host goes by the name it joined with: its certificate carries no other.
   * @throws {AppError} access_denied with what to do
   */
  async checkAnnounced(hostId: string, name: string): Promise<void> {
    const entry = await this.backend.get(keyOf(hostId));
    const record: HostRecord | undefined = entry && JSON.parse(entry.value);
    if (!record || record.name.toLowerCase() === name.toLowerCase()) return;
    throw new AppError(
      "access_denied",
      `this host joined the cluster as "${record.name}" and cannot call itself "${name}"; restore its nodename, or ` +
        "empty its data_dir and join again",
    );
  }

  /**
   * The first to use a host id owns it; the same host may add roles, with the token it came with.
   * @returns false when the record changed meanwhile
   */
  async #remember(joiner: JoinerIdentity, request: JoinRequest, now: number): Promise<boolean> {
    const key = keyOf(request.hostId);
    const entry = await this.backend.get(key);
    const record: HostRecord = entry
      ? JSON.parse(entry.value)
      : { id: request.hostId, name: request.name, roles: {}, tokenId: joiner.tokenId, joined: now };
    for (const { role, publicKey } of request.keys) {
      const { fingerprint } = parsePublicKeyLine(publicKey).key;
      const known = record.roles[role];
      const itself = joiner.hostId === request.hostId || known === fingerprint && comesBack(record, request);
      // Who has the same token adds a role to a host, and does not rename it.
      const sameHost = record.tokenId === joiner.tokenId && record.name === request.name;
      if (!itself && (known !== undefined || (entry && !sameHost))) {
        throw new AppError(
          "already_exists",
          `host ${request.hostId} has joined this cluster before; to join anew, remove host_uuid from its data_dir`,
        );
      }
      record.roles[role] = fingerprint;
    }
    record.name = request.name;
    if (joiner.hostId === request.hostId || record.tokenId === joiner.tokenId) {
      record.publicNames = [...new Set([...record.publicNames ?? [], ...request.publicNames])].slice(
        -MAX_NAMES,
      );
    }
    return await this.backend.commit([
      { type: "check", key, version: entry?.version },
      { type: "put", key, value: JSON.stringify(record) },
    ]);
  }

  /** Every name a certificate of this host and role carries. */
  namesOf(role: JoinRole, host: Pick<JoinRequest, "hostId" | "name" | "publicNames">): string[] {
    const own = [host.hostId, `${host.hostId}.${this.cluster}`, host.name, `${host.name}.${this.cluster}`];
    return role === "node" ? own : [...own, ...host.publicNames];
  }
}

/** A certificate of the known key, with the known names, gives its owner nothing new, and nobody else anything. */
function comesBack(record: HostRecord, { name, publicNames }: JoinRequest): boolean {
  return record.name === name && publicNames.every((wanted) => record.publicNames?.includes(wanted));
}

/** Addresses, and names of this very machine, are shared: a server of somebody else's may be at the same one. */
function isDomain(name: string): boolean {
  return name !== "localhost" && isIP(name) === 0;
}
