/**
 * A SAML 2.0 identity provider: web browser single sign-on that we begin (profiles, section 4.1). What comes without
 * having been asked for is refused.
 * @module
 */
import { randomBytes } from "node:crypto";
import type * as v from "valibot";
import type { Clock } from "../../../../base/clock.ts";
import { mappedRoles } from "../../../../model/claim_mapping.ts";
import type { samlSchema } from "../../../../model/resource/connectors.ts";
import {
  type Begun,
  excerpt,
  type ExternalUser,
  type Fields,
  type IdentityProvider,
  SsoRefused,
} from "../provider.ts";
import type { ProviderFacts } from "./metadata.ts";
import { redirectUrl, requestXml } from "./request.ts";
import { checkResponse } from "./response.ts";

export type SamlSpec = v.InferOutput<typeof samlSchema>["spec"];

/** What we are called there. */
export function entityIdOf({ service_provider_issuer: issuer, acs }: SamlSpec): string {
  return issuer || acs;
}

export class SamlProvider implements IdentityProvider {
  /** @param facts of the provider: they may have to be fetched */
  constructor(readonly spec: SamlSpec, readonly facts: () => Promise<ProviderFacts>, readonly clock: Clock) {}

  async begin(state: string): Promise<Begun> {
    const { sso } = await this.facts();
    const { acs, provider, signing_key_pair: pair } = this.spec;
    const id = `_${randomBytes(20).toString("hex")}`;
    const issuer = entityIdOf(this.spec);
    const xml = requestXml({ id, destination: sso, acs, issuer, provider, now: this.clock.now() });
    if (!pair?.private_key) {
      throw new SsoRefused("provider", "the connector has no signing key; write it anew");
    }
    return { url: redirectUrl(sso, xml, state, pair.private_key), memory: { id } };
  }

  async finish(fields: Fields, memory: Readonly<Record<string, string>>): Promise<ExternalUser> {
    const { issuer, certificates } = await this.facts();
    const { acs, audience } = this.spec;
    const { nameId, attributes } = checkResponse(fields.SAMLResponse ?? "", {
      issuer,
      certificates,
      acs,
      audience: audience || entityIdOf(this.spec),
      requestId: memory.id ?? "",
      now: this.clock.now(),
    });
    const mappings = (this.spec.attributes_to_roles ?? []).map(({ name, value, roles }) => ({
      claim: name,
      value,
      roles,
    }));
    const roles = mappedRoles(mappings, attributes);
    if (roles.length === 0) {
      throw new SsoRefused("unmapped", `no attribute of ${excerpt(nameId)} is mapped to a role`);
    }
    return { name: nameId, username: nameId, subject: nameId, roles, claims: attributes };
  }
}
