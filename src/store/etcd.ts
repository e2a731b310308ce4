/**
 * etcd as the store of one or several auth servers, over the JSON gateway of its version 3. Keys are
 * `<prefix>/user/joe`. A value says when it expires, and which commit wrote it: a commit whose answer was lost is sent
 * again, and recognises itself.
 * @module
 */
import { Buffer } from "node:buffer";
import { type Clock, systemClock } from "../base/clock.ts";
import { isAppError } from "../base/errors.ts";
import type { Backend, Change, Entry, Key, Operation, Watch } from "./backend.ts";
import { EtcdGateway } from "./etcd_gateway.ts";
import { EtcdLeases } from "./etcd_leases.ts";
import type { EtcdTransport } from "./etcd_transport.ts";
import { type EtcdEvent, EtcdWatch } from "./etcd_watch.ts";
import { compareKeys } from "./memory.ts";
import { keyOfPath, pathOf } from "./path_key.ts";
import { planCommit } from "./plan.ts";

/** What is stored under a key. */
interface Stored {
  value: string;
  expires?: number;
  /** The commit that wrote it. */
  commit: string;
}

interface KeyValue {
  key: string;
  value?: string;
  mod_revision: string;
}

interface RangeAnswer {
  header: { revision: string };
  kvs?: KeyValue[];
  more?: boolean;
}

interface TxnAnswer {
  header: { revision: string };
  succeeded?: boolean;
  responses?: { response_range?: RangeAnswer }[];
}

export interface EtcdOptions {
  /** URLs of members. */
  peers: readonly string[];
  /** Of all keys. */
  prefix: string;
  transport: EtcdTransport;
  clock?: Clock;
}

const PAGE = 500;
/** Revisions of own commits that are remembered, to leave them out of the feed. */
const MAX_OWN = 1000;

export class EtcdBackend implements Backend {
  readonly #gateway: EtcdGateway;
  readonly #leases: EtcdLeases;
  readonly #prefix: string;
  readonly #watches = new Set<EtcdWatch>();
  readonly #own = new Set<string>();

  private constructor(readonly options: EtcdOptions, readonly clock: Clock) {
    this.#prefix = options.prefix.replace(/\/+$/, "");
    this.#gateway = new EtcdGateway(
      options.peers.map((peer) => peer.replace(/\/+$/, "")),
      options.transport,
      clock,
    );
    this.#leases = new EtcdLeases(this.#gateway, clock);
  }

  /** Sees that the cluster answers. @throws {AppError} see {@linkcode EtcdGateway.call} */
  static async open(options: EtcdOptions): Promise<EtcdBackend> {
    const backend = new EtcdBackend(options, options.clock ?? systemClock);
    try {
      const key = encode(backend.#path(["cluster"]));
      await backend.#gateway.call("/v3/kv/range", { key }, 0); // each member is asked once
      return backend;
    } catch (error) {
      backend.#gateway.close();
      throw error;
    }
  }

  #path(key: Key): string {
    return `${this.#prefix}/${pathOf(key)}`;
  }

  #toEntry({ key: path, value, mod_revision }: KeyValue): Entry | undefined {
    const key = keyOfPath(decode(path).slice(this.#prefix.length + 1));
    const stored = storedIn(value);
    if (!key || !stored) return undefined; // something of somebody else's
    if (stored.expires !== undefined && stored.expires <= this.clock.now()) return undefined;
    return { key, value: stored.value, expires: stored.expires, version: mod_revision };
  }

  async #find(key: Key): Promise<KeyValue | undefined> {
    const { kvs } = await this.#gateway.call<RangeAnswer>("/v3/kv/range", { key: encode(this.#path(key)) });
    return kvs?.[0];
  }

  async get(key: Key): Promise<Entry | undefined> {
    const found = await this.#find(key);
    return found && this.#toEntry(found);
  }

  async list(prefix: Key): Promise<Entry[]> {
    const { range_end, key } = rangeBelow(this.#path(prefix));
    const found: Entry[] = [];
    let revision: string | undefined;
    for (let from = key;;) {
      const answer: RangeAnswer = await this.#gateway.call<RangeAnswer>("/v3/kv/range", {
        key: from,
        range_end,
        limit: String(PAGE),
        revision,
      });
      const kvs = answer.kvs ?? [];
      for (const kv of kvs) {
        const entry = this.#toEntry(kv);
        if (entry) found.push(entry);
      }
      const last = kvs.at(-1);
      if (!answer.more || !last) return found.sort((a, b) => compareKeys(a.key, b.key));
      revision ??= answer.header.revision; // all pages show the same moment
      from = encode(`${decode(last.key)}\0`);
    }
  }

  async commit(operations: readonly Operation[]): Promise<boolean> {
    const plan = planCommit(operations);
    if (!plan) return false;
    const commit = crypto.randomUUID();
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#commit(plan, commit);
      } catch (error) {
        // A lease that was revoked, or that ended on a member whose clock is ahead.
        if (!isAppError(error, "not_found") || attempt > 1) throw error;
        this.#leases.forget();
      }
    }
  }

  async #commit(plan: NonNullable<ReturnType<typeof planCommit>>, commit: string): Promise<boolean> {
    const compare: unknown[] = [];
    const success: unknown[] = [];
    const failure: unknown[] = [];
    for (const { key: name, check, write } of plan) {
      const key = encode(this.#path(name));
      if (check) {
        const mod_revision = check.version ?? await this.#staleVersion(name);
        compare.push({ key, target: "MOD", result: "EQUAL", mod_revision });
      }
      if (write?.type === "delete") success.push({ request_delete_range: { key } });
      if (write?.type === "put") {
        const stored: Stored = { value: write.value, expires: write.expires, commit };
        const lease = write.expires === undefined ? undefined : await this.#leases.until(write.expires);
        success.push({ request_put: { key, value: encode(JSON.stringify(stored)), lease } });
        // Looked at when a check fails: after a lost answer, the commit itself may be why.
        failure.push({ request_range: { key } });
      }
    }
    const answer = await this.#gateway.call<TxnAnswer>("/v3/kv/txn", { compare, success, failure });
    if (answer.succeeded) {
      this.#remember(answer.header.revision);
      return true;
    }
    return (answer.responses ?? []).some(({ response_range }) =>
      storedIn(response_range?.kvs?.[0]?.value)?.commit === commit
    );
  }

  /** An expired entry counts as absent, but etcd may still have it. */
  async #staleVersion(key: Key): Promise<string> {
    const found = await this.#find(key);
    return found && !this.#toEntry(found) ? found.mod_revision : "0";
  }

  #remember(revision: string): void {
    this.#own.add(revision);
    if (this.#own.size <= MAX_OWN) return;
    const [oldest = ""] = this.#own;
    this.#own.delete(oldest);
  }

  watch(tell: (changes: readonly Change[] | undefined) => void): Watch {
    const changeOf = ({ type, kv }: EtcdEvent): Change[] => {
      const key = keyOfPath(decode(kv.key).slice(this.#prefix.length + 1));
      return key ? [{ key, deleted: type === "DELETE" }] : [];
    };
    const watch = new EtcdWatch({
      gateway: this.#gateway,
      clock: this.clock,
      range: rangeBelow(this.#prefix),
      tell: (events) => {
        const changes = events?.filter(({ kv }) => !this.#own.has(kv.mod_revision)).flatMap(changeOf);
        if (changes === undefined || changes.length > 0) tell(changes);
      },
    });
    this.#watches.add(watch);
    return {
      stop: () => {
        watch.stop();
        this.#watches.delete(watch);
      },
    };
  }

  close(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    this.#gateway.close();
    return Promise.resolve();
  }
}

/** All keys below a path: those that begin with it and a slash. */
function rangeBelow(path: string): { key: string; range_end: string } {
  return { key: encode(`${path}/`), range_end: encode(`${path}0`) }; // "0" follows "/"
}

function encode(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function decode(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}

/** A value of ours, or undefined for one that is not. */
function storedIn(value: string | undefined): Stored | undefined {
  if (value === undefined) return undefined;
  try {
    const stored = JSON.parse(decode(value));
    return typeof stored?.value === "string" ? stored : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
