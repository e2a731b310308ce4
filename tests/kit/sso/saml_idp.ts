/**
 * A SAML identity provider that signs real XML, as it is told: rightly, or as an attacker would like it.
 * @module
 */
import { Buffer } from "node:buffer";
import { createVerify, X509Certificate } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { SignedXml } from "xml-crypto";
import { makeSigningKey, type SigningKeyPair } from "../../../src/auth/login/sso/saml/signing_key.ts";
import { systemClock } from "../../../src/base/clock.ts";

const C14N = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/** What an assertion says. */
export interface Said {
  nameId: string;
  groups: string[];
  requestId: string;
  recipient: string;
  audience: string;
  issuer: string;
  notOnOrAfter: number;
  notBefore: number;
  destination: string;
  id: string;
  attributes: Record<string, string[]>;
}

/** A request as it was understood. */
export interface Understood {
  id: string;
  acs: string;
  issuer: string;
  relayState: string;
  xml: string;
}

export class SamlIdp {
  private constructor(readonly keys: SigningKeyPair, readonly entityId: string) {}

  static async make(entityId = "https://idp.example/saml"): Promise<SamlIdp> {
    return new SamlIdp(await makeSigningKey(systemClock), entityId);
  }

  metadata(sso = "https://idp.example/sso"): string {
    const cert = this.keys.cert.replace(/-----.*?-----/g, "").replace(/\s+/g, "");
    return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${this.entityId}">` +
      `<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">` +
      `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${cert}` +
      `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>` +
      `<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${sso}"/>` +
      `</IDPSSODescriptor></EntityDescriptor>`;
  }

  /** Reads the request in an address, and checks its signature with our certificate. */
  understand(address: string, cert?: string): Understood {
    const url = new URL(address);
    const xml = inflateRawSync(Buffer.from(url.searchParams.get("SAMLRequest") ?? "", "base64")).toString();
    if (cert !== undefined) {
      const signed = url.search.slice(1).split("&Signature=")[0] ?? "";
      const key = new X509Certificate(cert).publicKey;
      const signature = url.searchParams.get("Signature") ?? "";
      if (!createVerify("RSA-SHA256").update(signed).verify(key, signature, "base64")) {
        throw new Error("the request's signature is wrong");
      }
    }
    const attribute = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(xml)?.[1] ?? "";
    return {
      id: attribute("ID"),
      acs: attribute("AssertionConsumerServiceURL"),
      issuer: /<saml:Issuer>([^<]*)</.exec(xml)?.[1] ?? "",
      relayState: url.searchParams.get("RelayState") ?? "",
      xml,
    };
  }

  /** What is said to a request, with changes. */
  said(request: { id: string; acs: string; issuer: string }, change: Partial<Said> = {}): Said {
    const now = Date.now();
    return {
      nameId: "joe@example.com",
      groups: ["okta-admin"],
      requestId: request.id,
      recipient: request.acs,
      destination: request.acs,
      audience: request.issuer,
      issuer: this.entityId,
      notBefore: now - 30_000,
      notOnOrAfter: now + 300_000,
      id: `_${crypto.randomUUID()}`,
      attributes: {},
      ...change,
    };
  }

  assertion(said: Said): string {
    const time = (ms: number) => new Date(ms).toISOString();
    const attributes = Object.entries({ groups: said.groups, ...said.attributes }).map(([name, values]) =>
      `<saml:Attribute Name="${name}">${
        values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join("")
      }</saml:Attribute>`
    ).join("");
    return `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${said.id}" Version="2.0" ` +
      `IssueInstant="${time(Date.now())}"><saml:Issuer>${said.issuer}</saml:Issuer><saml:Subject>` +
      `<saml:NameID>${said.nameId}</saml:NameID>` +
      `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData ` +
      `InResponseTo="${said.requestId}" NotOnOrAfter="${
        time(said.notOnOrAfter)
      }" Recipient="${said.recipient}"/>` +
      `</saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${time(said.notBefore)}" ` +
      `NotOnOrAfter="${time(said.notOnOrAfter)}"><saml:AudienceRestriction><saml:Audience>${said.audience}` +
      `</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
      `<saml:AuthnStatement AuthnInstant="${time(Date.now())}"/>` +
      `<saml:AttributeStatement>${attributes}</saml:AttributeStatement></saml:Assertion>`;
  }

  response(content: string, said: Said): string {
    return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ` +
      `xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r${crypto.randomUUID()}" Version="2.0" ` +
      `IssueInstant="${
        new Date().toISOString()
      }" Destination="${said.destination}" InResponseTo="${said.requestId}">` +
      `<saml:Issuer>${said.issuer}</saml:Issuer><samlp:Status><samlp:StatusCode ` +
      `Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>${content}</samlp:Response>`;
  }

  /** Signs the element of this name, after its Issuer as the schema wants it. */
  sign(
    xml: string,
    element: "Assertion" | "Response" = "Assertion",
    {
      keys = this.keys,
      method = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
      digest = "http://www.w3.org/2001/04/xmlenc#sha256",
    }: { keys?: SigningKeyPair; method?: string; digest?: string } = {},
  ): string {
    const signer = new SignedXml({
      privateKey: keys.private_key,
      publicCert: keys.cert,
      signatureAlgorithm: method,
      canonicalizationAlgorithm: C14N,
    });
    const path = `//*[local-name(.)='${element}']`;
    signer.addReference({ xpath: path, transforms: [ENVELOPED, C14N], digestAlgorithm: digest });
    signer.computeSignature(xml, {
      prefix: "ds",
      location: { reference: `${path}/*[local-name(.)='Issuer']`, action: "after" },
    });
    return signer.getSignedXml();
  }

  /** The form field of a good answer. */
  answer(said: Said): string {
    return encoded(this.response(this.sign(this.assertion(said)), said));
  }
}

export function encoded(xml: string): string {
  return Buffer.from(xml).toString("base64");
}
