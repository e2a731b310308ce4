/**
 * The cluster's two certificate authorities and its name: made at the first start, kept in the store.
 * @module
 */
import { Buffer } from "node:buffer";
import { openStatement, signStatement } from "../../api/cluster_statement.ts";
import { signHostAuthorities } from "../../api/host_authorities.ts";
import { signerOf } from "../../api/identity.ts";
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { Authority } from "../../model/authority.ts";
import { AUTHORITY_KINDS, type AuthorityKind } from "../../model/authority_kind.ts";
import type { Identity } from "../../model/identity.ts";
import { ROTATION_GRACE } from "../../model/limits.ts";
import type { Rotation, RotationStep } from "../../model/rotation.ts";
import type { ClusterKeys } from "../../model/trusted_cluster.ts";
import { formatPrivateKey, generateKey, parsePrivateKey, type PrivateKey } from "../../ssh/private_key.ts";
import { parsePublicKeyLine, type PublicKey } from "../../ssh/public_key.ts";
import type { Backend, Key } from "../../store/backend.ts";

interface StoredAuthority {
  kind: AuthorityKind;
  cluster: string;
  /** OpenSSH private key files; the first one signs, all are trusted. */
  signingKeys: string[];
  created: number;
  /** Milliseconds since the epoch when the last rotation ended. */
  rotated?: number;
  rotation?: Rotation;
  /** While a rotation is under way: the public line of the key that comes. */
  newKey?: string;
  /** Of the host CA, after keys went: what is stated to other clusters, signed by these as well. base64 */
  succession?: string;
}

/** An authority in memory. */
interface Loaded {
  stored: StoredAuthority;
  version: string;
  keys: readonly [PrivateKey, ...PrivateKey[]];
  /** See {@linkcode Authority.signedKeys}. */
  signedKeys?: string;
}

/** A private key and the OpenSSH file it came in. */
export interface KeyFile {
  text: string;
  key: PrivateKey;
}

const CLUSTER_KEY: Key = ["cluster"];
const authorityKey = (kind: AuthorityKind): Key => ["authority", kind];

/** The keys of both CAs, in memory. */
export class Authorities {
  readonly #loaded: Record<AuthorityKind, Loaded>;
  readonly #watchers = new Set<() => void>();
  /** The statement that was made last, and of which keys: it is the same until these change. */
  #stated: { about: string; text: string } | undefined;

  private constructor(
    readonly backend: Backend,
    readonly cluster: string,
    loaded: Record<AuthorityKind, Loaded>,
  ) {
    this.#loaded = loaded;
  }

  /** Calls back whenever a key came, went or took over the signing. */
  onChanged(notify: () => void): void {
    this.#watchers.add(notify);
  }

  /** The private key files of an authority, the signing one first, and the state of its record. */
  async signingKeys(kind: AuthorityKind): Promise<{ files: KeyFile[]; version: string }> {
    const entry = await this.backend.get(authorityKey(kind));
    if (!entry) throw new AppError("internal", `the store has no ${kind} certificate authority`);
    const { signingKeys }: StoredAuthority = JSON.parse(entry.value);
    return {
      files: signingKeys.map((text) => ({ text, key: parsePrivateKey(text) })),
      version: entry.version,
    };
  }

  /**
   * Puts other keys in an authority's place, in the store and here. A rotation that was under way is over.
   * @param version of the record that was read
   * @returns false when the record changed meanwhile
   */
  async replace(
    kind: AuthorityKind,
    files: readonly [KeyFile, ...KeyFile[]],
    version: string,
    now: number,
  ): Promise<boolean> {
    const { cluster } = this;
    const signingKeys = files.map(({ text }) => text);
    return await this.#commit([{ stored: { kind, cluster, signingKeys, created: now }, version }]);
  }

  /**
   * Makes one step of a rotation of one or both authorities, all or nothing.
   * @returns false when a record changed meanwhile
   */
  async rotate(steps: ReadonlyMap<AuthorityKind, RotationStep>, now: number): Promise<boolean> {
    const after = (kind: AuthorityKind): StoredAuthority => {
      const step = steps.get(kind);
      const { stored } = this.#loaded[kind];
      return step ? afterStep(stored, step, now) : stored;
    };
    const next = { user: after("user"), host: after("host") };
    const before = this.#loaded.host.keys;
    const lines = ({ signingKeys }: StoredAuthority) =>
      signingKeys.map((text) => parsePrivateKey(text).publicKey.toLine());
    const goes = before.some((key) => !lines(next.host).includes(key.publicKey.toLine()));
    if (goes) {
      // Whoever was not told of the new keys in time, as when there was no time at all, can still believe the old ones.
      const come = next.host.signingKeys.map((text) => parsePrivateKey(text));
      const told = { cluster: this.cluster, user: lines(next.user), host: lines(next.host) };
      next.host.succession = Buffer.from(signStatement(told, now, [...before, ...come].slice(0, MAX_SIGNERS)))
        .toString("base64");
    }
    return await this.#commit([...steps.keys()].map((kind) => ({
      stored: next[kind],
      version: this.#loaded[kind].version,
    })));
  }

  async #commit(changes: readonly { stored: StoredAuthority; version: string }[]): Promise<boolean> {
    const done = await this.backend.commit(changes.flatMap(({ stored, version }) => [
      { type: "check", key: authorityKey(stored.kind), version },
      { type: "put", key: authorityKey(stored.kind), value: JSON.stringify(stored) },
    ]));
    await this.reload();
    return done;
  }

  /** Takes over what another auth server has changed in the store. */
  async reload(): Promise<void> {
    let changed = false;
    for (const kind of AUTHORITY_KINDS) {
      const loaded = await load(this.backend, kind);
      changed ||= loaded.version !== this.#loaded[kind].version;
      this.#loaded[kind] = loaded;
    }
    if (changed) this.#watchers.forEach((notify) => notify());
  }

  /**
   * Loads the authorities, or makes them at the first start.
   * @param configuredName the cluster name of the configuration; without one a uuid is made
   * @throws {AppError} conflict when the configuration names another cluster than the store holds
   */
  static async open(
    backend: Backend,
    clock: Clock,
    configuredName: string | undefined,
  ): Promise<Authorities> {
    if (!await backend.get(CLUSTER_KEY)) await create(backend, clock, configuredName ?? crypto.randomUUID());
    // Read in any case: another auth server on the same store may have been quicker.
    const existing: string | undefined = JSON.parse((await backend.get(CLUSTER_KEY))?.value ?? "{}").name;
    if (existing !== undefined && configuredName !== undefined && existing !== configuredName) {
      throw new AppError(
        "conflict",
        `this ${
          place(backend)
        } belongs to cluster "${existing}", but the configuration says "${configuredName}"; ` +
          "renaming a cluster invalidates all its keys and certificates: restore the old cluster_name, or start with " +
          (backend.watch ? "another prefix or table" : "an empty data_dir"),
      );
    }
    if (existing === undefined) throw new AppError("internal", "the store has no name of a cluster");
    return new Authorities(backend, existing, {
      user: await load(backend, "user"),
      host: await load(backend, "host"),
    });
  }

  signer(kind: AuthorityKind): PrivateKey {
    return this.#loaded[kind].keys[0];
  }

  trusted(kind: AuthorityKind): readonly PublicKey[] {
    return this.#loaded[kind].keys.map((key) => key.publicKey);
  }

  /** The public keys of both, as other clusters are to know them. */
  keys(): ClusterKeys {
    const lines = (kind: AuthorityKind) => this.trusted(kind).map((key) => key.toLine());
    return { cluster: this.cluster, user: lines("user"), host: lines("host") };
  }

  /** What this cluster states to others about its authorities, base64. @param now milliseconds since the epoch */
  statement(now: number): string {
    const keys = this.keys();
    const { succession } = this.#loaded.host.stored;
    if (succession !== undefined && states(succession, keys, now)) return succession;
    const about = JSON.stringify(keys);
    if (this.#stated?.about !== about) {
      const text = Buffer.from(signStatement(keys, now, this.#loaded.host.keys)).toString("base64");
      this.#stated = { about, text };
    }
    return this.#stated.text;
  }

  /** The rotation of an authority that is under way, if any. */
  rotation(kind: AuthorityKind): Rotation | undefined {
    return this.#loaded[kind].stored.rotation;
  }

  /** The public part, for everybody. */
  list(): Authority[] {
    return AUTHORITY_KINDS.map((kind) => {
      const { stored: { rotated, rotation }, keys, signedKeys } = this.#loaded[kind];
      const lines = keys.map((key) => key.publicKey.toLine());
      return { kind, cluster: this.cluster, keys: lines, rotated, rotation, signedKeys };
    });
  }

  /** True when `key` is one of the CA keys; such a key never gets a certificate. */
  isAuthorityKey(line: string): boolean {
    const { key } = parsePublicKeyLine(line);
    return AUTHORITY_KINDS.some((kind) => this.trusted(kind).some((trusted) => trusted.equals(key)));
  }
}

function place(backend: Backend): string {
  return backend.watch ? "store" : "data directory";
}

/** As many signatures as one statement may carry. */
const MAX_SIGNERS = 16;

/** Whether a statement names these keys and no others. */
function states(statement: string, keys: ClusterKeys, now: number): boolean {
  const { user, host } = openStatement(Buffer.from(statement, "base64"), { now });
  return JSON.stringify([user, host]) === JSON.stringify([keys.user, keys.host]);
}

/** One commit, so that a crash or a second auth server at the same moment cannot leave half a cluster. */
async function create(backend: Backend, clock: Clock, name: string): Promise<void> {
  const stored = (kind: AuthorityKind): StoredAuthority => ({
    kind,
    cluster: name,
    signingKeys: [formatPrivateKey(generateKey(), `${kind} CA of ${name}`)],
    created: clock.now(),
  });
  await backend.commit([
    { type: "check", key: CLUSTER_KEY, version: undefined },
    { type: "put", key: CLUSTER_KEY, value: JSON.stringify({ name, created: clock.now() }) },
    { type: "put", key: authorityKey("user"), value: JSON.stringify(stored("user")) },
    { type: "put", key: authorityKey("host"), value: JSON.stringify(stored("host")) },
  ]);
}

/** What is stored after a step. */
function afterStep(stored: StoredAuthority, step: RotationStep, now: number): StoredAuthority {
  const { kind, cluster, created } = stored;
  const made = step.makesKey ? formatPrivateKey(generateKey(), `${kind} CA of ${cluster}`) : undefined;
  const isNew = (text: string) =>
    made === undefined ? parsePrivateKey(text).publicKey.toLine() === stored.newKey : text === made;
  const all = made === undefined ? stored.signingKeys : [...stored.signingKeys, made];
  const [fresh, old] = [all.filter(isNew), all.filter((text) => !isNew(text))];
  const signingKeys = step.keys.split(",").flatMap((part) => part === "new" ? fresh : old);
  const rotated = step.keys === "new" ? now : stored.rotated;
  const newKey = made === undefined ? stored.newKey : parsePrivateKey(made).publicKey.toLine();
  return step.rotation
    ? { kind, cluster, signingKeys, created, rotated, rotation: step.rotation, newKey }
    : { kind, cluster, signingKeys, created, rotated };
}

async function load(backend: Backend, kind: AuthorityKind): Promise<Loaded> {
  const entry = await backend.get(authorityKey(kind));
  if (!entry) throw new AppError("internal", `the store has no ${kind} certificate authority`);
  const stored: StoredAuthority = JSON.parse(entry.value);
  const [first, ...rest] = stored.signingKeys.map((text) => parsePrivateKey(text));
  if (!first) throw new AppError("internal", `the ${kind} certificate authority in the store has no key`);
  const keys = [first, ...rest] as const;
  return { stored, version: entry.version, keys: [...keys], signedKeys: signedKeys(stored, keys) };
}

/** A rotation by hand has no end of its own: its list is good for as long as one may take. */
function signedKeys(
  { kind, cluster, rotation, newKey }: StoredAuthority,
  keys: readonly PrivateKey[],
): string | undefined {
  if (kind !== "host" || !rotation) return undefined;
  const expires = rotation.ends ?? rotation.started + ROTATION_GRACE.max;
  // Not by the key that comes: who trusts that one alone has nothing to learn, and must not be told the old one again.
  const signers = keys.filter((key) => key.publicKey.toLine() !== newKey);
  return Buffer.from(signHostAuthorities(cluster, keys, expires, signers)).toString("base64");
}

/** Whether the key that signed the certificate behind an identity is an authority's now. */
export function isTrusted(identity: Identity, authorities: Authorities): boolean {
  const signer = signerOf(identity);
  if (identity.kind === "joiner" || !signer) return true;
  return authorities.trusted(identity.kind).some((key) => key.equals(signer));
}
