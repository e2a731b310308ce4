/**
 * A request to a SAML provider, by the redirect binding (SAML 2.0 bindings, section 3.4): deflated into the address, and
 * signed there.
 * @module
 */
import { Buffer } from "node:buffer";
import { createSign } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { POST } from "./metadata.ts";
import { escapeXml, NS } from "./xml.ts";

const RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const PASSWORD_OVER_TLS = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

export interface AuthnRequest {
  id: string;
  /** The provider's address. */
  destination: string;
  acs: string;
  /** Our entity id. */
  issuer: string;
  /** ADFS answers only requests that say how users are to prove who they are. */
  provider?: string | undefined;
  now: number;
}

export function requestXml({ id, destination, acs, issuer, provider, now }: AuthnRequest): string {
  const context = provider === "adfs"
    ? `<samlp:RequestedAuthnContext Comparison="minimum"><saml:AuthnContextClassRef>${PASSWORD_OVER_TLS}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>`
    : "";
  // Ping takes no policy that leaves the format open.
  const policy = provider === "ping" ? "" : `<samlp:NameIDPolicy AllowCreate="true"/>`;
  return `<samlp:AuthnRequest xmlns:samlp="${NS.protocol}" xmlns:saml="${NS.assertion}" ID="${
    escapeXml(id)
  }" ` +
    `Version="2.0" IssueInstant="${new Date(now).toISOString()}" Destination="${escapeXml(destination)}" ` +
    `AssertionConsumerServiceURL="${escapeXml(acs)}" ProtocolBinding="${POST}">` +
    `<saml:Issuer>${escapeXml(issuer)}</saml:Issuer>${policy}${context}</samlp:AuthnRequest>`;
}

/** The address that carries a request. @param key PEM of an RSA key */
export function redirectUrl(destination: string, xml: string, relayState: string, key: string): string {
  const fields = [
    ["SAMLRequest", deflateRawSync(Buffer.from(xml)).toString("base64")],
    ["RelayState", relayState],
    ["SigAlg", RSA_SHA256],
  ];
  // Section 3.4.4.1: what is signed is the text as it stands in the address.
  const signed = fields.map(([name, value = ""]) => `${name}=${encodeURIComponent(value)}`).join("&");
  const signature = createSign("RSA-SHA256").update(signed).sign(key, "base64");
  const separator = destination.includes("?") ? "&" : "?";
  return `${destination}${separator}${signed}&Signature=${encodeURIComponent(signature)}`;
}
