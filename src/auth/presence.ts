/**
 * Which servers are up: kept in memory, written to the store in batches, forgotten 90 seconds after the last word.
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { JoinRole } from "../model/identity.ts";
import { HEARTBEAT } from "../model/limits.ts";
import type { ProxyAddresses, ServerRecord } from "../model/server.ts";
import type { Backend, Key, Operation } from "../store/backend.ts";

type Stored = ServerRecord & { proxy?: ProxyAddresses };

const BATCH = 90;
/** Records are small, unless somebody has many labels. */
const BATCH_BYTES = 500_000;
/** What other auth servers should know at once waits for so long, for more of its kind. */
const SOON_MS = 100;

export class Presence {
  readonly #servers = new Map<string, Stored>();
  readonly #unsaved = new Set<string>();
  #saving: Timer | undefined;

  /** @param onChange called when a server appeared, changed or left; not for a mere sign of life */
  constructor(
    readonly backend: Backend,
    readonly clock: Clock,
    readonly onChange: (roles: ReadonlySet<JoinRole>) => void,
  ) {}

  /** Reads what was known before a restart, and what other auth servers have heard. */
  async load(): Promise<void> {
    const changed = new Set<JoinRole>();
    for (const entry of await this.backend.list(["server"])) {
      const stored: Stored = JSON.parse(entry.value);
      const key = mapKey(stored.role, stored.id);
      const known = this.#servers.get(key);
      if (known && known.lastSeen >= stored.lastSeen) continue;
      this.#servers.set(key, stored);
      this.#unsaved.delete(key);
      if (!known || !sameApartFromTime(known, stored)) changed.add(stored.role);
    }
    if (changed.size > 0) this.onChange(changed);
  }

  announce(record: Stored): void {
    const key = mapKey(record.role, record.id);
    const before = this.#servers.get(key);
    this.#servers.set(key, record);
    this.#unsaved.add(key);
    if (before && sameApartFromTime(before, record)) return;
    this.onChange(new Set([record.role]));
    if (this.backend.watch) this.#saving ??= this.clock.after(SOON_MS, () => void this.#saveSoon());
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
    // Another auth server may have heard of them since, and its word may not have come through.
    if (this.backend.watch && this.#dead().length > 0) await this.load();
    const dead = this.#dead();
    const changed = new Set<JoinRole>();
    for (const [key, { role }] of dead) {
      this.#servers.delete(key);
      changed.add(role);
    }
    if (changed.size > 0) this.onChange(changed);
    await this.#save();
  }

  #dead(): [string, Stored][] {
    const oldest = this.clock.now() - HEARTBEAT.ttl;
    return [...this.#servers].filter(([, server]) => server.lastSeen <= oldest);
  }

  async #saveSoon(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      if (!(error instanceof Error)) throw error; // the next sweep tries again, and says so
    }
  }

  /** Nothing is deleted: entries end by themselves, and another auth server may know better. */
  async #save(): Promise<void> {
    this.#saving?.cancel();
    this.#saving = undefined;
    const operations: Operation[] = [];
    for (const key of this.#unsaved) {
      const server = this.#servers.get(key);
      if (!server) continue;
      const expires = server.lastSeen + HEARTBEAT.ttl;
      operations.push({ type: "put", key: storeKey(server), value: JSON.stringify(server), expires });
    }
    const saving = [...this.#unsaved];
    this.#unsaved.clear();
    try {
      for (const batch of batches(operations)) await this.backend.commit(batch);
    } catch (error) {
      for (const key of saving) this.#unsaved.add(key); // the next sweep tries again
      throw error;
    }
  }
}

function* batches(operations: readonly Operation[]): Iterable<Operation[]> {
  let batch: Operation[] = [];
  let bytes = 0;
  for (const operation of operations) {
    const size = operation.type === "put" ? operation.value.length : 0;
    if (batch.length >= BATCH || bytes + size > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(operation);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

const mapKey = (role: JoinRole, id: string) => `${role}/${id}`;
const storeKey = (server: Stored): Key => ["server", server.role, server.id];

function sameApartFromTime(a: Stored, b: Stored): boolean {
  return JSON.stringify({ ...a, lastSeen: 0 }) === JSON.stringify({ ...b, lastSeen: 0 });
}
