/**
 * The cluster's two certificate authorities and its name: made at the first start, kept in the store.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { Authority, AuthorityKind } from "../../model/authority.ts";
import { formatPrivateKey, generateKey, parsePrivateKey, type PrivateKey } from "../../ssh/private_key.ts";
import { parsePublicKeyLine, type PublicKey } from "../../ssh/public_key.ts";
import type { Backend, Key } from "../../store/backend.ts";

interface StoredAuthority {
  kind: AuthorityKind;
  cluster: string;
  /** OpenSSH private key files; the first one signs, all are trusted. */
  signingKeys: string[];
  created: number;
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
  readonly #signers: Record<AuthorityKind, PrivateKey>;
  readonly #trusted: Record<AuthorityKind, PublicKey[]>;

  private constructor(
    readonly backend: Backend,
    readonly cluster: string,
    stored: Record<AuthorityKind, StoredAuthority>,
  ) {
    const keys = (kind: AuthorityKind) => stored[kind].signingKeys.map((text) => parsePrivateKey(text));
    const [user, host] = [keys("user"), keys("host")];
    if (!user[0] || !host[0]) {
      throw new AppError("internal", "a certificate authority in the store has no key");
    }
    this.#signers = { user: user[0], host: host[0] };
    this.#trusted = { user: user.map((key) => key.publicKey), host: host.map((key) => key.publicKey) };
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
   * Puts other keys in an authority's place, in the store and here.
   * @param version of the record that was read
   * @returns false when the record changed meanwhile
   */
  async replace(
    kind: AuthorityKind,
    files: readonly [KeyFile, ...KeyFile[]],
    version: string,
    now: number,
  ): Promise<boolean> {
    const stored: StoredAuthority = {
      kind,
      cluster: this.cluster,
      signingKeys: files.map(({ text }) => text),
      created: now,
    };
    const done = await this.backend.commit([
      { type: "check", key: authorityKey(kind), version },
      { type: "put", key: authorityKey(kind), value: JSON.stringify(stored) },
    ]);
    if (!done) return false;
    this.#signers[kind] = files[0].key;
    this.#trusted[kind] = files.map(({ key }) => key.publicKey);
    return true;
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
    const found = await backend.get(CLUSTER_KEY);
    const existing: string | undefined = found && JSON.parse(found.value).name;
    if (existing !== undefined && configuredName !== undefined && existing !== configuredName) {
      throw new AppError(
        "conflict",
        `this data directory belongs to cluster "${existing}", but the configuration says "${configuredName}"; ` +
          "renaming a cluster invalidates all its keys and certificates: restore the old cluster_name, or start with " +
          "an empty data_dir",
      );
    }
    if (existing === undefined) await create(backend, clock, configuredName ?? crypto.randomUUID());
    const cluster = existing ?? JSON.parse((await backend.get(CLUSTER_KEY))?.value ?? "{}").name;
    return new Authorities(backend, cluster, {
      user: await load(backend, "user"),
      host: await load(backend, "host"),
    });
  }

  signer(kind: AuthorityKind): PrivateKey {
    return this.#signers[kind];
  }

  trusted(kind: AuthorityKind): readonly PublicKey[] {
    return this.#trusted[kind];
  }

  /** The public part, for everybody. */
  list(): Authority[] {
    return (["user", "host"] as const).map((kind) => ({
      kind,
      cluster: this.cluster,
      keys: this.#trusted[kind].map((key) => key.toLine()),
    }));
  }

  /** True when `key` is one of the CA keys; such a key never gets a certificate. */
  isAuthorityKey(line: string): boolean {
    const { key } = parsePublicKeyLine(line);
    return [...this.#trusted.user, ...this.#trusted.host].some((trusted) => trusted.equals(key));
  }
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

async function load(backend: Backend, kind: AuthorityKind): Promise<StoredAuthority> {
  const entry = await backend.get(authorityKey(kind));
  if (!entry) throw new AppError("internal", `the store has no ${kind} certificate authority`);
  return JSON.parse(entry.value);
}
