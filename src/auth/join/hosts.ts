/**
 * Hosts of the cluster: who may get a host certificate, and for which names. Names come from here, never from the
 * request alone: a host gets its id and its own name, a proxy or auth server also the public names it is run with.
 * @module
 */
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

interface HostRecord {
  id: string;
  name: string;
  /** Fingerprint of the key certified for each role. */
  roles: Partial<Record<JoinRole, string>>;
  tokenId: string;
  joined: number;
}

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
    if (joiner.hostId !== undefined && joiner.hostId !== request.hostId) {
      throw new AppError("access_denied", "the join token belongs to another host");
    }
    this.#checkName(request);
    // The roles of one host join at the same time, each with its own request.
    while (!await this.#remember(joiner, request, now));
    return (role) => this.namesOf(role, request);
  }

  #checkName({ name, hostId, publicNames }: JoinRequest): void {
    for (const taken of [name, ...publicNames]) {
      if (taken === this.cluster || taken.endsWith(`.${this.cluster}`)) {
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
      const ownHost = joiner.hostId === request.hostId;
      if (
        !ownHost &&
        ((known !== undefined && known !== fingerprint) || (entry && record.tokenId !== joiner.tokenId))
      ) {
        throw new AppError(
          "already_exists",
          `host ${request.hostId} has joined this cluster before; to join anew, remove host_uuid from its data_dir`,
        );
      }
      record.roles[role] = fingerprint;
    }
    return await this.backend.commit([
      { type: "check", key, version: entry?.version },
      { type: "put", key, value: JSON.stringify({ ...record, name: request.name }) },
    ]);
  }

  /** Every name a certificate of this host and role carries. */
  namesOf(role: JoinRole, host: Pick<JoinRequest, "hostId" | "name" | "publicNames">): string[] {
    const own = [host.hostId, `${host.hostId}.${this.cluster}`, host.name, `${host.name}.${this.cluster}`];
    return role === "node" ? own : [...own, ...host.publicNames];
  }
}
