/**
 * Connectors of single sign-on as resources: what a schema cannot see is checked here, so that a mistake shows when it
 * is written and not when somebody wants to log in.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { ParsedDocument } from "../../model/resource/parse.ts";
import { isLogin } from "../../model/name.ts";
import type { SsoKind } from "../../model/sso.ts";
import type { Backend } from "../../store/backend.ts";
import { SsoRefused } from "../login/sso/provider.ts";
import { checkSigningKey, makeSigningKey } from "../login/sso/saml/signing_key.ts";
import type { Roles } from "../roles.ts";
import { StoredDocuments } from "./documents.ts";

type Spec<K extends SsoKind> = ParsedDocument<K>["spec"];
type SamlSpec = Extract<ParsedDocument, { kind: "saml" }>["spec"];
type Complete<K extends SsoKind> = (spec: Spec<K>, before: Spec<K> | undefined) => Promise<Spec<K>>;

export class ConnectorResources {
  readonly #complete: { [K in SsoKind]: Complete<K> };

  constructor(
    readonly backend: Backend,
    readonly roles: Roles,
    readonly clock: Clock,
    readonly onChange: () => void,
  ) {
    this.#complete = {
      github: async (spec) => {
        for (const [index, { logins }] of spec.teams_to_logins.entries()) {
          for (const word of logins) {
            if (isLogin(word) || (await roles.missing([word])).length === 0) continue;
            throw wrong(`spec.teams_to_logins[${index}].logins`, `"${word}" is neither a login nor a role`);
          }
        }
        return spec;
      },
      oidc: async (spec) => {
        await this.#requireRoles("claims_to_roles", spec.claims_to_roles ?? []);
        return spec;
      },
      saml: async (spec, before) => {
        await this.#requireRoles("attributes_to_roles", spec.attributes_to_roles ?? []);
        await checkProvider(spec);
        return { ...spec, signing_key_pair: await this.#signingKey(spec, before) };
      },
    };
  }

  of<K extends SsoKind>(kind: K): StoredDocuments<K> {
    return new StoredDocuments<K>(this.backend, kind, {
      complete: this.#complete[kind],
      onChange: this.onChange,
    });
  }

  async #requireRoles(field: string, mappings: readonly { roles: readonly string[] }[]): Promise<void> {
    for (const [index, { roles }] of mappings.entries()) {
      const [missing] = await this.roles.missing(roles.filter((name) => !name.includes("$")));
      if (missing === undefined) continue;
      throw wrong(
        `spec.${field}[${index}].roles`,
        `there is no role "${missing}"; "tctl get roles" lists the roles`,
      );
    }
  }

  /** The one that is given, else the one that was there, else a new one. */
  async #signingKey(spec: SamlSpec, before: SamlSpec | undefined): Promise<SamlSpec["signing_key_pair"]> {
    const given = spec.signing_key_pair ?? {};
    const old = before?.signing_key_pair;
    const pair = {
      private_key: given.private_key || old?.private_key || "",
      cert: given.cert || old?.cert || "",
    };
    if (pair.private_key === "" && pair.cert === "") return await makeSigningKey(this.clock);
    checkSigningKey(pair);
    return pair;
  }
}

/** What the connector says of the provider itself. Metadata at an address are seen at the first login. */
async function checkProvider(spec: SamlSpec): Promise<void> {
  // Reading XML takes a library that most clusters never need.
  const { certificatePem, parseMetadata } = await import("../login/sso/saml/metadata.ts");
  const inField = (field: string, check: () => void) => {
    try {
      check();
    } catch (error) {
      if (!(error instanceof SsoRefused)) throw error;
      throw wrong(field, error.message);
    }
  };
  const { entity_descriptor: descriptor, cert } = spec;
  if (descriptor) inField("spec.entity_descriptor", () => void parseMetadata(descriptor));
  else if (cert) inField("spec.cert", () => void certificatePem(cert));
}

function wrong(field: string, message: string): AppError {
  return new AppError("bad_input", `${field}: ${message}`);
}
