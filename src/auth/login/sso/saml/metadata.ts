/**
 * What a SAML provider says of itself (SAML 2.0 metadata): who it is, where it is gone to, and the certificates that it
 * signs with. And what we say of ourselves to it.
 * @module
 */
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { SsoRefused } from "../provider.ts";
import { attribute, children, escapeXml, everyElement, is, NS, parseXml, textOf } from "./xml.ts";

export const REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
export const POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol";
const MAX_CERTIFICATES = 16;

export interface ProviderFacts {
  issuer: string;
  /** Where requests go, by the redirect binding. */
  sso: string;
  /** PEM. */
  certificates: string[];
}

/** @throws {SsoRefused} */
export function parseMetadata(text: string): ProviderFacts {
  const root = parseXml(text);
  const descriptors = [...everyElement(root)].filter((each) => is(each, NS.metadata, "EntityDescriptor"))
    .filter((each) => children(each, NS.metadata, "IDPSSODescriptor").length > 0);
  const [entity, ...more] = descriptors;
  if (!entity || more.length > 0) {
    throw new SsoRefused(
      "provider",
      `the metadata describe ${descriptors.length} identity providers; expected one`,
    );
  }
  const issuer = attribute(entity, "entityID") ?? "";
  const [provider] = children(entity, NS.metadata, "IDPSSODescriptor");
  if (!provider || issuer === "") throw new SsoRefused("provider", "the metadata have no entityID");
  const services = children(provider, NS.metadata, "SingleSignOnService");
  const sso = services.find((each) => attribute(each, "Binding") === REDIRECT);
  if (!sso) {
    throw new SsoRefused(
      "provider",
      "the metadata name no SingleSignOnService with the HTTP-Redirect binding",
    );
  }
  const certificates = children(provider, NS.metadata, "KeyDescriptor")
    .filter((each) => (attribute(each, "use") ?? "signing") === "signing")
    .flatMap((each) => [...everyElement(each)])
    .filter((each) => is(each, NS.signature, "X509Certificate"))
    .map((each) => certificatePem(textOf(each)));
  if (certificates.length === 0 || certificates.length > MAX_CERTIFICATES) {
    throw new SsoRefused("provider", "the metadata have no certificate for signatures, or too many");
  }
  return { issuer, sso: attribute(sso, "Location") ?? "", certificates: [...new Set(certificates)] };
}

/** A certificate given as PEM or as base64 alone. @throws {SsoRefused} */
export function certificatePem(text: string): string {
  const body = text.replace(/-----(BEGIN|END) CERTIFICATE-----/g, "").replace(/\s+/g, "");
  const unusable = (cause?: unknown) =>
    new SsoRefused("provider", "the provider's certificate cannot be read", { cause });
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body)) throw unusable();
  const lines = Buffer.from(body, "base64").toString("base64").match(/.{1,64}/g)?.join("\n") ?? "";
  const pem = `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  try {
    if (new X509Certificate(pem).publicKey.asymmetricKeyType !== "rsa") {
      throw new SsoRefused("provider", "the provider's certificate has no RSA key");
    }
  } catch (error) {
    if (error instanceof SsoRefused) throw error;
    throw unusable(error);
  }
  return pem;
}

/** Our own metadata, for the provider's administrator. */
export function ownMetadata(
  { entityId, acs, cert }: { entityId: string; acs: string; cert: string },
): string {
  const base64 = cert.replace(/-----(BEGIN|END) CERTIFICATE-----/g, "").replace(/\s+/g, "");
  return `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="${NS.metadata}" entityID="${escapeXml(entityId)}">
  <md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="${PROTOCOL}">
    <md:KeyDescriptor use="signing">
      <ds:KeyInfo xmlns:ds="${NS.signature}"><ds:X509Data><ds:X509Certificate>${
    escapeXml(base64)
  }</ds:X509Certificate></ds:X509Data></ds:KeyInfo>
    </md:KeyDescriptor>
    <md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>
    <md:AssertionConsumerService index="0" isDefault="true" Binding="${POST}" Location="${escapeXml(acs)}"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
`;
}

/** The one provider that a connector's `issuer`, `sso` and `cert` describe. @throws {SsoRefused} */
export function plainFacts(
  { issuer, sso, cert }: { issuer: string; sso: string; cert: string },
): ProviderFacts {
  return { issuer, sso, certificates: [certificatePem(cert)] };
}
