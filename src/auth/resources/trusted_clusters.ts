/**
 * Trusted clusters as resources. Writing an enabled one that is not paired yet pairs with it, and takes effect only when
 * that worked; switching it off keeps what the pairing has shown, so that switching it on again needs no token.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import type { ParsedDocument } from "../../model/resource/parse.ts";
import { mappingProblem } from "../../model/role_map.ts";
import { type ClusterKeys, namesOverlap } from "../../model/trusted_cluster.ts";
import { requireDistinct } from "../clusters/foreign_keys.ts";
import type { Pairing } from "../clusters/pairing.ts";
import type { RemoteClusters } from "../clusters/remote_clusters.ts";
import { type TrustedClusters, withPort } from "../clusters/trusted_clusters.ts";
import type { Authorities } from "../ca/authorities.ts";
import type { Roles } from "../roles.ts";
import type { StoredDocuments } from "./documents.ts";
import type { Outcome, RemovableKind, WritableKind, WriteContext } from "./kind.ts";

const WEB_PORT = 3080;

export interface TrustedClusterParts {
  documents: StoredDocuments<"trusted_cluster">;
  trusted: TrustedClusters;
  remote: RemoteClusters;
  pairing: Pairing;
  authorities: Authorities;
  roles: Roles;
}

export class TrustedClusterResources implements WritableKind<"trusted_cluster">, RemovableKind {
  constructor(readonly parts: TrustedClusterParts) {}

  async list(withSecrets: boolean): Promise<ResourceDocument[]> {
    const documents = await this.parts.documents.list(withSecrets);
    return await Promise.all(documents.map((document) => this.#shown(document, withSecrets)));
  }

  async get(name: string, withSecrets: boolean): Promise<ResourceDocument[]> {
    const documents = await this.parts.documents.get(name, withSecrets);
    return await Promise.all(documents.map((document) => this.#shown(document, withSecrets)));
  }

  /** A backup also holds what the pairing has shown: the token may be gone when it is restored. */
  async #shown(document: ResourceDocument, withSecrets: boolean): Promise<ResourceDocument> {
    const trust = withSecrets ? await this.parts.trusted.get(document.metadata.name) : undefined;
    if (!trust) return document;
    const { user, host } = trust;
    return { ...document, spec: { ...document.spec, authorities: { user, host } } };
  }

  async put(given: ParsedDocument<"trusted_cluster">, context: WriteContext): Promise<Outcome> {
    const { documents, trusted, authorities } = this.parts;
    const { name } = given.metadata;
    const { authorities: restored, ...spec } = given.spec;
    if (namesOverlap(name, authorities.cluster)) {
      throw new AppError(
        "bad_input",
        `this cluster is called "${authorities.cluster}": one that it trusts cannot be called "${name}"`,
      );
    }
    await this.#checkRoleMap(spec.role_map ?? []);
    const [before] = await documents.get(name, true);
    const token = spec.token ?? before?.spec?.token;
    const known = await trusted.get(name);
    const wantsPairing = spec.enabled &&
      (!known || spec.token !== undefined && spec.token !== before?.spec?.token);
    if (restored && !known) await this.#keep({ cluster: name, ...restored }, name, 0);
    else if (wantsPairing) await this.#pair(name, spec.web_proxy_addr || name, token);
    const outcome = await documents.put({ ...given, spec }, context);
    await trusted.reload();
    return outcome;
  }

  async #pair(name: string, webAddress: string, token: unknown): Promise<void> {
    if (typeof token !== "string" || token === "") {
      throw new AppError(
        "bad_input",
        `trusted cluster "${name}" has no spec.token: an administrator of that cluster makes one with ` +
          '"tctl tokens add --type=trusted_cluster"',
      );
    }
    const { cluster, user, host, issued } = await this.parts.pairing.with(
      name,
      withPort(webAddress, WEB_PORT),
      new Secret(token),
    );
    await this.#keep({ cluster, user, host }, name, issued);
  }

  async #keep(keys: ClusterKeys, name: string, issued: number): Promise<void> {
    const { trusted, remote, authorities } = this.parts;
    if (keys.cluster !== name) {
      throw new AppError(
        "bad_input",
        `the cluster at this address is called "${keys.cluster}": metadata.name must be that, not "${name}"`,
      );
    }
    const others = [
      ...(await trusted.stored()).map(({ cluster, user, host }) => ({ cluster, keys: [...user, ...host] })),
      ...(await remote.stored()).map(({ name, hostKeys }) => ({ cluster: name, keys: hostKeys })),
    ].filter(({ cluster }) => cluster !== name);
    requireDistinct(keys, authorities.keys(), others);
    await trusted.keep(keys, issued);
  }

  async #checkRoleMap(map: readonly { remote: string; local: string[] }[]): Promise<void> {
    for (const mapping of map) {
      const problem = mappingProblem(mapping);
      if (problem !== undefined) throw new AppError("bad_input", `spec.role_map: ${problem}`);
    }
    const named = map.flatMap(({ local }) => local).filter((role) => !role.includes("$"));
    const [missing] = await this.parts.roles.missing(named);
    if (missing === undefined) return;
    throw new AppError("bad_input", `spec.role_map: role "${missing}" does not exist in this cluster`);
  }

  async remove(name: string): Promise<boolean> {
    const removed = await this.parts.documents.remove(name);
    await this.parts.trusted.forget(name);
    return removed;
  }
}
