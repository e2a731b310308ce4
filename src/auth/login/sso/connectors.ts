/**
 * The connectors of the store: which there are, and the provider behind each.
 * @module
 */
import * as v from "valibot";
import type { Clock } from "../../../base/clock.ts";
import { AppError } from "../../../base/errors.ts";
import { githubSchema, oidcSchema, samlSchema } from "../../../model/resource/connectors.ts";
import type { ResourceDocument } from "../../../model/resource/envelope.ts";
import { type ConnectorFacts, SSO_KINDS, type SsoKind } from "../../../model/sso.ts";
import type { Resources } from "../../resources/resources.ts";
import type { Roles } from "../../roles.ts";
import { githubPlaces, GithubProvider } from "./github.ts";
import { Kept } from "./kept.ts";
import type { OidcDirectory } from "./oidc_directory.ts";
import { type IdentityProvider, SsoRefused } from "./provider.ts";
import { type CallOut, ProviderClient } from "./provider_client.ts";
import type { ProviderFacts } from "./saml/metadata.ts";
import type { SamlSpec } from "./saml/saml.ts";

/** A connector as it is at this moment. */
export interface Connector {
  kind: SsoKind;
  name: string;
  /** Changes with every write. */
  revision: string;
  provider: IdentityProvider;
  /** As it is stored, with its secrets. */
  document: ResourceDocument;
}

export class Connectors {
  #directory?: OidcDirectory;
  readonly #metadata: Kept<ProviderFacts>;

  constructor(
    readonly resources: Resources,
    readonly roles: Roles,
    readonly clock: Clock,
    readonly callOut: CallOut,
  ) {
    this.#metadata = new Kept(clock);
  }

  /** What anybody may know of them, in the order of their names. */
  async list(): Promise<ConnectorFacts[]> {
    const lists = await Promise.all(SSO_KINDS.map(async (kind) => {
      const documents = await this.resources.list(kind, false);
      return documents.map(({ metadata: { name }, spec }): ConnectorFacts => {
        const display = typeof spec?.display === "string" && spec.display !== "" ? spec.display : name;
        return { kind, name, display };
      });
    }));
    return lists.flat();
  }

  /**
   * @param name the first one of the kind, when it is left out
   * @throws {AppError} not_found
   */
  async get(kind: SsoKind, name?: string): Promise<Connector> {
    const [document] = name === undefined
      ? await this.resources.list(kind, true)
      : await this.resources.find(kind, name, true);
    if (!document) {
      throw new AppError(
        "not_found",
        `there is no ${kind} connector${
          name === undefined ? "" : ` "${name}"`
        }; an administrator makes one with tctl create`,
      );
    }
    const { metadata } = document;
    return {
      kind,
      name: metadata.name,
      revision: metadata.revision ?? "",
      provider: await this.#provider(document),
      document,
    };
  }

  /** Each kind brings libraries of its own, which are loaded when there is such a connector. */
  async #provider(document: ResourceDocument): Promise<IdentityProvider> {
    switch (document.kind) {
      case "github": {
        const { spec } = read(githubSchema, document);
        const { web, api } = githubPlaces(spec);
        const isRole = async (word: string) => (await this.roles.missing([word])).length === 0;
        return new GithubProvider(spec, this.#client([web, api], spec.ca_cert), isRole);
      }
      case "oidc": {
        const { spec } = read(oidcSchema, document);
        const [{ OidcProvider }, { OidcDirectory }] = await Promise.all([
          import("./oidc.ts"),
          import("./oidc_directory.ts"),
        ]);
        this.#directory ??= new OidcDirectory(this.clock);
        return new OidcProvider(
          spec,
          this.#client([spec.issuer_url], spec.ca_cert),
          this.#directory,
          this.clock,
        );
      }
      default: {
        const { spec } = read(samlSchema, document);
        const { SamlProvider } = await import("./saml/saml.ts");
        return new SamlProvider(spec, () => this.samlFacts(spec), this.clock);
      }
    }
  }

  #client(places: readonly string[], ca: string | undefined): ProviderClient {
    return new ProviderClient(this.callOut, this.clock, places, ca);
  }

  /** @throws {SsoRefused} */
  samlSpec(document: ResourceDocument): SamlSpec {
    return read(samlSchema, document).spec;
  }

  /** What is known of a SAML provider; fetched, when the connector says only where. @throws {SsoRefused} */
  async samlFacts(spec: SamlSpec): Promise<ProviderFacts> {
    const { parseMetadata, plainFacts } = await import("./saml/metadata.ts");
    if (spec.entity_descriptor) return parseMetadata(spec.entity_descriptor);
    const { issuer, sso, cert, entity_descriptor_url: url } = spec;
    if (!url) return plainFacts({ issuer: issuer ?? "", sso: sso ?? "", cert: cert ?? "" });
    return await this.#metadata.get(url, async () => {
      const answer = await this.#client([url], spec.ca_cert).ask(url, {
        headers: { accept: "application/samlmetadata+xml, application/xml, text/xml" },
      });
      if (answer.status !== 200) {
        throw new SsoRefused("provider", `the metadata cannot be had: status ${answer.status}`);
      }
      return parseMetadata(answer.text);
    });
  }
}

/** Was checked when it was written, perhaps by an older version. @throws {SsoRefused} */
function read<T extends v.GenericSchema>(schema: T, document: ResourceDocument): v.InferOutput<T> {
  const result = v.safeParse(schema, document);
  if (result.success) return result.output;
  throw new SsoRefused(
    "provider",
    `the connector ${document.kind}/${document.metadata.name} must be written anew: ${
      v.getDotPath(result.issues[0]) ?? ""
    } ${result.issues[0].message}`,
  );
}
