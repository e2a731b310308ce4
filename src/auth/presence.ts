/**
 * Which servers are up: kept in memory, written to the store in batches, forgotten 90 seconds after the last word.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { JoinRole } from "../model/identity.ts";
import { HEARTBEAT } from "../model/limits.ts";
import type { ProxyAddresses, ServerRecord } from "../model/server.ts";
import type { Backend, Key, Operation } from "../store/backend.ts";

type Stored = ServerRecord & { proxy?: ProxyAddresses };

const BATCH = 200;

export class Presence {
  readonly #servers = new Map<string, Stored>();
  readonly #unsaved = new Set<string>();

  /** @param onChange called when a server appeared, changed or left; not for a mere sign of life */
  constructor(readonly backend: Backend, readonly clock: Clock, readonly onChange: () => void) {}

  /** Reads what was known before a restart. */
  async load(): Promise<void> {
    for (const entry of await this.backend.list(["server"])) {
      const stored: Stored = JSON.parse(entry.value);
      this.#servers.set(mapKey(stored.role, stored.id), stored);
    }
  }

  announce(record: Stored): void {
    const key = mapKey(record.role, record.id);
    const before = this.#servers.get(key);
    this.#servers.set(key, record);
    this.#unsaved.add(key);
    if (!before || !sameApartFromTime(before, record)) this.onChange();
  }

  /** The servers of a role that were heard of lately. */
  list(role: JoinRole): Stored[] {
    const oldest = this.clock.now() - HEARTBEAT.ttl;
    return [...this.#servers.values()].filter((server) => server.role === role && server.lastSeen > oldest);
  }

  otherHostNamed(name: string, hostId: string): string | undefined {
    const wanted = name.toLowerCase();
    for (const role of ["auth", "proxy", "node"] as const) {
      const other = this.list(role).find((server) =>
        server.name.toLowerCase() === wanted && server.id !== hostId
      );
      if (other) return other.id;
    }
    return undefined;
  }

  /** Drops the dead and saves what is new. Called now and then. */
  async sweep(): Promise<void> {
    const oldest = this.clock.now() - HEARTBEAT.ttl;
    const dead = [...this.#servers].filter(([, server]) => server.lastSeen <= oldest);
    for (const [key] of dead) this.#servers.delete(key);
    if (dead.length > 0) this.onChange();
    const operations: Operation[] = dead.map(([, server]) => ({ type: "delete", key: storeKey(server) }));
    for (const key of this.#unsaved) {
      const server = this.#servers.get(key);
      if (!server) continue;
      const expires = server.lastSeen + HEARTBEAT.ttl;
      operations.push({ type: "put", key: storeKey(server), value: JSON.stringify(server), expires });
    }
    const saving = [...this.#unsaved];
    this.#unsaved.clear();
    try {
      for (let i = 0; i < operations.length; i += BATCH) {
        await this.backend.commit(operations.slice(i, i + BATCH));
      }
    } catch (error) {
      for (const key of saving) this.#unsaved.add(key); // the next sweep tries again
      throw error;
    }
  }
}

const mapKey = (role: JoinRole, id: string) => `${role}/${id}`;
const storeKey = (server: Stored): Key => ["server", server.role, server.id];

function sameApartFromTime(a: Stored, b: Stored): boolean {
  return JSON.stringify({ ...a, lastSeen: 0 }) === JSON.stringify({ ...b, lastSeen: 0 });
}
