/**
 * An auth service with a SAML connector, and a provider that answers it as a test wants it.
 * @module
 */
import { AuthService } from "../../../src/auth/service.ts";
import type { Finished } from "../../../src/auth/login/sso/sso.ts";
import { parseDocument } from "../../../src/model/resource/parse.ts";
import { openAuth } from "../auth_fixture.ts";
import type { FakeClock } from "../clock.ts";
import { type Said, SamlIdp, type Understood } from "./saml_idp.ts";

export const ACS = "https://gw.example.com:3080/v1/webapi/saml/acs";
/** The digest of a browser's cookie. */
export const BROWSER = "b".repeat(64);

/** Writes a document as tctl does. */
export async function writeDocument(auth: AuthService, document: object): Promise<void> {
  const given = parseDocument(document);
  const existing = await auth.resources.existing(given);
  await auth.resources.put(given, "replace", { existing, author: "test", now: auth.clock.now() });
}

export class AuthWithSaml implements AsyncDisposable {
  private constructor(readonly auth: AuthService, readonly idp: SamlIdp) {}

  static async open(
    { clock, spec = {} }: { clock?: FakeClock; spec?: Record<string, unknown> } = {},
  ): Promise<AuthWithSaml> {
    const idp = await SamlIdp.make();
    const { auth } = await openAuth(clock ? { clock } : {});
    await writeDocument(auth, {
      kind: "role",
      version: "v3",
      metadata: { name: "ops" },
      spec: { allow: { logins: ["root", "{{external.unix}}"], node_labels: { "*": "*" } } },
    });
    await writeDocument(auth, {
      kind: "saml",
      version: "v2",
      metadata: { name: "okta" },
      spec: {
        acs: ACS,
        display: "Okta",
        entity_descriptor: idp.metadata(),
        attributes_to_roles: [{ name: "groups", value: "okta-admin", roles: ["ops"] }],
        ...spec,
      },
    });
    return new AuthWithSaml(auth, idp);
  }

  /** Begins a login; what the provider is asked. */
  async begin(): Promise<Understood> {
    const purpose = { for: "web", browser: BROWSER, returnTo: "/web/nodes" } as const;
    const { url } = await this.auth.sso.begin("saml", "okta", purpose, "10.1.1.1");
    return this.idp.understand(url, await this.certificate());
  }

  /** Our own certificate for requests. */
  async certificate(): Promise<string> {
    const { document } = await this.auth.connectors.get("saml", "okta");
    return this.auth.connectors.samlSpec(document).signing_key_pair?.cert ?? "";
  }

  finish(SAMLResponse: string, RelayState: string, browser = BROWSER): Promise<Finished> {
    return this.auth.sso.finish("saml", { SAMLResponse, RelayState }, browser, "10.1.1.1");
  }

  /** A whole login with what the provider says, and what is made of it. */
  async attempt(
    change: Partial<Said>,
    forge: (said: Said, idp: SamlIdp) => string = (said, idp) => idp.answer(said),
  ): Promise<Finished> {
    const request = await this.begin();
    return await this.finish(forge(this.idp.said(request, change), this.idp), request.relayState);
  }

  /** Why the last login failed, as the audit log has it. */
  async reason(): Promise<string> {
    const events = await this.auth.audit.search({ events: ["user.login"] });
    return String(events.filter(({ success }) => success === false).at(-1)?.error ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.auth.close();
  }
}
