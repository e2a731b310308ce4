/**
 * Certificate authorities as resources: to look at, and to restore out of a backup.
 * @module
 */
import { AppError, isAppError } from "../../base/errors.ts";
import { AUTHORITY_KINDS, type AuthorityKind } from "../../model/authority_kind.ts";
import { authorityDocument } from "../../model/resource/authority.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import type { ParsedDocument } from "../../model/resource/parse.ts";
import { parsePrivateKey } from "../../ssh/private_key.ts";
import { parsePublicKeyLine } from "../../ssh/public_key.ts";
import type { Authorities, KeyFile } from "../ca/authorities.ts";
import { conflict, type Outcome, requireState, type WritableKind, type WriteContext } from "./kind.ts";

export class AuthorityResources implements WritableKind<"cert_authority"> {
  /** @param onChange called after an authority was replaced */
  constructor(readonly authorities: Authorities, readonly onChange: () => void) {}

  list(withSecrets: boolean): Promise<ResourceDocument[]> {
    return Promise.all(AUTHORITY_KINDS.map((kind) => this.#document(kind, withSecrets)));
  }

  /** By the cluster's name, the type, or both: `main`, `host`, `host/main`. */
  async get(name: string, withSecrets: boolean): Promise<ResourceDocument[]> {
    const { cluster } = this.authorities;
    const kinds = AUTHORITY_KINDS.filter((kind) => [cluster, kind, `${kind}/${cluster}`].includes(name));
    return await Promise.all(kinds.map((kind) => this.#document(kind, withSecrets)));
  }

  async #document(kind: AuthorityKind, withSecrets: boolean): Promise<ResourceDocument> {
    const { files, version } = await this.authorities.signingKeys(kind);
    const known = this.authorities.list().find((authority) => authority.kind === kind);
    const keys = files.map(({ key }) => key.publicKey.toLine());
    return authorityDocument({ ...known, kind, cluster: this.authorities.cluster, keys }, {
      revision: version,
      signingKeys: withSecrets ? files.map(({ text }) => text) : undefined,
    });
  }

  async put(
    { metadata, spec }: ParsedDocument<"cert_authority">,
    { existing, now }: WriteContext,
  ): Promise<Outcome> {
    const { type } = spec;
    this.#requireOwnName(metadata.name, spec.cluster_name);
    const restored = readKeys(type, spec.signing_keys ?? []);
    this.#requireOwnKeys(type, restored, spec.checking_keys);
    const { files, version } = await this.authorities.signingKeys(type);
    requireState("cert_authority", metadata.name, existing, version);
    const among = (list: readonly KeyFile[], { key }: KeyFile) =>
      list.some((known) => known.key.publicKey.equals(key.publicKey));
    const signs = files[0]?.key.publicKey.equals(restored[0].key.publicKey);
    if (signs && restored.every((file) => among(files, file))) return { change: "unchanged" };
    // Hosts that joined this cluster since stay trusted until they have certificates of the restored CA.
    const older = type === "user" ? [] : files.filter((file) => !among(restored, file));
    if (!await this.authorities.replace(type, [...restored, ...older], version, now)) {
      throw conflict("cert_authority", metadata.name);
    }
    this.onChange();
    return { change: "updated", advice: ADVICE[type] };
  }

  #requireOwnName(name: string, clusterName: string): void {
    const { cluster } = this.authorities;
    if (name === cluster && clusterName === cluster) return;
    throw new AppError(
      "conflict",
      `this certificate authority is of cluster "${clusterName}", but this cluster is called "${cluster}": restore it ` +
        `into a cluster with "cluster_name: ${clusterName}" in its configuration, started with an empty data_dir`,
    );
  }

  /** The user CA and the host CA never share a key, and what is shown must be what signs. */
  #requireOwnKeys(
    type: AuthorityKind,
    restored: readonly KeyFile[],
    shown: readonly string[] | undefined,
  ): void {
    const other = this.authorities.trusted(type === "user" ? "host" : "user");
    if (restored.some(({ key }) => other.some((known) => known.equals(key.publicKey)))) {
      throw new AppError(
        "bad_input",
        `spec.signing_keys: a key is the other authority's; they never share a key`,
      );
    }
    const lines = (keys: readonly string[]) => JSON.stringify([...new Set(keys)].sort());
    const given = shown?.map((line) => parsePublicKeyLine(line).key.toLine());
    if (given && lines(given) !== lines(restored.map(({ key }) => key.publicKey.toLine()))) {
      throw new AppError("bad_input", "spec.checking_keys are not the public parts of spec.signing_keys");
    }
  }
}

const ADVICE: Readonly<Record<AuthorityKind, string>> = {
  user: "certificates of the replaced user CA are no longer accepted: users log in again",
  host:
    "hosts that are connected get certificates of the restored host CA within seconds; restart teleport on one that " +
    "does not, for clients of the restored cluster refuse it",
};

function readKeys(type: AuthorityKind, texts: readonly string[]): [KeyFile, ...KeyFile[]] {
  const [first, ...rest] = texts.map((text, i) => {
    try {
      return { text, key: parsePrivateKey(text) };
    } catch (error) {
      if (!isAppError(error)) throw error;
      throw new AppError("bad_input", `spec.signing_keys[${i}] cannot be read as a private key`); // nothing of it is told
    }
  });
  if (first) return [first, ...rest];
  throw new AppError(
    "bad_input",
    `the ${type} CA has no spec.signing_keys: a backup is made with "tctl get all --with-secrets"`,
  );
}
