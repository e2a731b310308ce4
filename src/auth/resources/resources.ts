/**
 * All kinds of resources behind one door: finds the kind, keeps writers from overwriting each other, and says what can
 * not be done.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import { type Kind, KINDS } from "../../model/resource/kinds.ts";
import type { CreatedKind, ParsedDocument } from "../../model/resource/parse.ts";
import type { Backend } from "../../store/backend.ts";
import type { Authorities } from "../ca/authorities.ts";
import type { Changes } from "../changes.ts";
import type { Pairing } from "../clusters/pairing.ts";
import type { RemoteClusters } from "../clusters/remote_clusters.ts";
import type { TrustedClusters } from "../clusters/trusted_clusters.ts";
import type { JoinTokens } from "../join/tokens.ts";
import type { Lockout } from "../login/lockout.ts";
import type { Signup } from "../login/signup.ts";
import type { Presence } from "../presence.ts";
import type { Roles } from "../roles.ts";
import type { Users } from "../users.ts";
import { AuthorityResources } from "./authorities.ts";
import { ConnectorResources } from "./connectors.ts";
import type { StoredDocuments } from "./documents.ts";
import { conflict, type Outcome, type ReadableKind, type RemovableKind, type WritableKind } from "./kind.ts";
import { RoleResources } from "./roles.ts";
import { RemoteClusterResources, TunnelResources } from "./remote_clusters.ts";
import { ServerResources } from "./servers.ts";
import {
  authPreference,
  clusterConfig,
  clusterName,
  type FileSettings,
  namespaces,
  staticTokens,
} from "./settings.ts";
import { TokenResources } from "./tokens.ts";
import { TrustedClusterResources } from "./trusted_clusters.ts";
import { UserResources } from "./users.ts";

/** `create`: there must be none of this name; `update`: there must be one; `replace`: either. */
export type PutMode = "create" | "update" | "replace";

/** Where the kinds are kept. */
export interface ResourceStores {
  backend: Backend;
  users: Users;
  roles: Roles;
  lockout: Lockout;
  signup: Signup;
  tokens: JoinTokens;
  authorities: Authorities;
  presence: Presence;
  changes: Changes;
  settings: FileSettings;
  trustDocuments: StoredDocuments<"trusted_cluster">;
  trustedClusters: TrustedClusters;
  remoteClusters: RemoteClusters;
  pairing: Pairing;
}

type Writable = { [K in CreatedKind]: WritableKind<K> };
type Removable = Partial<Record<Kind, RemovableKind>>;

export class Resources {
  readonly #writable: Writable;
  readonly #removable: Removable;
  readonly #readable: Readonly<Record<Kind, ReadableKind>>;

  constructor(stores: ResourceStores) {
    const { users, roles, lockout, signup, tokens, authorities, presence, settings, changes, backend } =
      stores;
    const connectors = new ConnectorResources(
      backend,
      roles,
      presence.clock,
      () => changes.changed("connectors"),
    );
    const stored = {
      user: new UserResources(users, roles, lockout, (name) => signup.revokeFor(name)),
      role: new RoleResources(roles, users),
      token: new TokenResources(tokens),
      github: connectors.of("github"),
      oidc: connectors.of("oidc"),
      saml: connectors.of("saml"),
      trusted_cluster: new TrustedClusterResources({
        documents: stores.trustDocuments,
        trusted: stores.trustedClusters,
        remote: stores.remoteClusters,
        pairing: stores.pairing,
        authorities,
        roles,
      }),
      remote_cluster: new RemoteClusterResources(stores.remoteClusters, stores.trustedClusters, authorities),
    };
    this.#writable = {
      ...stored,
      cert_authority: new AuthorityResources(authorities, () => changes.changed("authorities")),
    };
    this.#removable = stored;
    this.#readable = {
      ...this.#writable,
      tunnel: new TunnelResources(stores.trustedClusters, stores.remoteClusters),
      node: new ServerResources(presence, "node", "node"),
      auth_server: new ServerResources(presence, "auth_server", "auth"),
      proxy: new ServerResources(presence, "proxy", "proxy"),
      namespace: namespaces,
      cluster_auth_preference: authPreference(settings),
      cluster_config: clusterConfig(settings),
      cluster_name: clusterName(authorities.cluster),
      static_tokens: staticTokens(settings),
    };
  }

  list(kind: Kind, withSecrets: boolean): Promise<ResourceDocument[]> {
    return this.#readable[kind].list(withSecrets);
  }

  /** Those of a name; none when there is none. */
  find(kind: Kind, name: string, withSecrets: boolean): Promise<ResourceDocument[]> {
    return this.#readable[kind].get(name, withSecrets);
  }

  /** @throws {AppError} not_found */
  async get(kind: Kind, name: string, withSecrets: boolean): Promise<ResourceDocument[]> {
    const found = await this.find(kind, name, withSecrets);
    if (found.length === 0) throw notFound(kind, name);
    return found;
  }

  /** The document that `given` would replace, without secrets. */
  async existing(given: ParsedDocument): Promise<ResourceDocument | undefined> {
    const { name } = given.metadata;
    const [found] = await this.find(
      given.kind,
      given.kind === "cert_authority" ? `${given.spec.type}/${name}` : name,
      false,
    );
    return found;
  }

  /**
   * Writes a document.
   * @throws {AppError} already_exists, not_found, conflict, bad_input
   */
  async put(
    given: ParsedDocument,
    mode: PutMode,
    context: { existing: ResourceDocument | undefined; author: string; now: number },
  ): Promise<Outcome> {
    const { kind, metadata } = given;
    const { existing } = context;
    if (existing && mode === "create") {
      throw new AppError(
        "already_exists",
        `${KINDS[kind].noun} '${metadata.name}' already exists; use -f to replace it`,
      );
    }
    if (!existing && mode === "update") throw notFound(kind, metadata.name);
    const { revision } = metadata;
    if (
      revision !== undefined && existing?.metadata.revision !== undefined &&
      revision !== existing.metadata.revision
    ) {
      throw conflict(kind, metadata.name);
    }
    return await this.#write(given, context);
  }

  #write<K extends CreatedKind>(
    given: ParsedDocument<K> & { kind: K },
    context: Parameters<WritableKind<K>["put"]>[1],
  ): Promise<Outcome> {
    const store: WritableKind<K> = this.#writable[given.kind];
    return store.put(given, context);
  }

  /** @throws {AppError} not_found, unsupported */
  async remove(kind: Kind, name: string): Promise<void> {
    const store = this.#removable[kind];
    if (!store) {
      const why = KINDS[kind].notRemoved;
      throw new AppError(
        "unsupported",
        `deleting resources of type "${kind}" is not supported${why === undefined ? "" : `: ${why}`}`,
      );
    }
    if (!await store.remove(name)) throw notFound(kind, name);
  }
}

function notFound(kind: Kind, name: string): AppError {
  return new AppError(
    "not_found",
    `${KINDS[kind].noun} ${quote(name)} does not exist; "tctl get ${kind}" lists what there is`,
  );
}
