/**
 * A SAML response (SAML 2.0 core, sections 2 and 3; profiles, section 4.1.4): who somebody is, if all of it is meant
 * for this login here and now.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Claims } from "../../../../model/claim_mapping.ts";
import { excerpt, SsoRefused } from "../provider.ts";
import { signedContent } from "./signature.ts";
import { attribute, children, everyElement, is, NS, onlyChild, parseXml, textOf } from "./xml.ts";

const SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/** For clocks that run apart. */
const SKEW_MS = 60_000;

/** What a response must fit. */
export interface Expected {
  /** The provider's entity id. */
  issuer: string;
  certificates: readonly string[];
  /** Where the response was sent. */
  acs: string;
  audience: string;
  /** The id of the request. */
  requestId: string;
  now: number;
}

export interface Asserted {
  nameId: string;
  attributes: Claims;
}

const wrong = (why: string) => new SsoRefused("invalid", `the assertion is not accepted: ${why}`);

/** @param encoded the form field `SAMLResponse`. @throws {SsoRefused} */
export function checkResponse(encoded: string, expected: Expected): Asserted {
  const xml = decoded(encoded);
  const response = parseXml(xml);
  if (!is(response, NS.protocol, "Response") || attribute(response, "Version") !== "2.0") {
    throw new SsoRefused("invalid", "this is no SAML 2.0 response");
  }
  checkEnvelope(response, expected);
  const found = [...everyElement(response)].filter((each) => each.localName === "Assertion");
  const [assertion, ...more] = found;
  if (children(response, NS.assertion, "EncryptedAssertion").length > 0) {
    throw wrong("it is encrypted, which this version cannot read");
  }
  if (
    !assertion || more.length > 0 || assertion.parentNode !== response ||
    !is(assertion, NS.assertion, "Assertion")
  ) {
    throw wrong(`there is not exactly one: ${found.length}`);
  }
  const signed = signedContent(xml, assertion, expected.certificates) ??
    assertionIn(signedContent(xml, response, expected.certificates));
  if (!signed) throw wrong("neither it nor the response is signed");
  return read(signed, expected);
}

/** The assertion within a signed response. */
function assertionIn(response: Element | undefined): Element | undefined {
  return response && onlyChild(response, NS.assertion, "Assertion");
}

function decoded(encoded: string): string {
  const plain = encoded.replace(/[\r\n\t ]/g, "");
  if (plain === "" || !/^[A-Za-z0-9+/]+={0,2}$/.test(plain)) {
    throw new SsoRefused("invalid", "there is no response");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(plain, "base64"));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new SsoRefused("invalid", "the response is no UTF-8 text");
  }
}

/** What is outside of the signed part may only speak against the response, not for it. */
function checkEnvelope(response: Element, { acs, requestId, issuer }: Expected): void {
  const status = onlyChild(response, NS.protocol, "Status");
  const code = attribute(onlyChild(status, NS.protocol, "StatusCode"), "Value") ?? "";
  if (code !== SUCCESS) throw new SsoRefused("refused", `the provider says: ${excerpt(code)}`);
  const destination = attribute(response, "Destination");
  if (destination !== undefined && destination !== "" && destination !== acs) {
    throw wrong("it was sent elsewhere");
  }
  const answers = attribute(response, "InResponseTo");
  if (answers !== undefined && answers !== requestId) throw wrong("it answers another request");
  const [named] = children(response, NS.assertion, "Issuer");
  if (named && textOf(named) !== issuer) throw wrong("it is another issuer's");
}

function read(assertion: Element, expected: Expected): Asserted {
  if (attribute(assertion, "Version") !== "2.0") throw wrong("its version is not 2.0");
  if (textOf(onlyChild(assertion, NS.assertion, "Issuer")) !== expected.issuer) {
    throw wrong("it is another issuer's");
  }
  const subject = onlyChild(assertion, NS.assertion, "Subject");
  checkConfirmed(subject, expected);
  checkConditions(onlyChild(assertion, NS.assertion, "Conditions"), expected);
  for (const statement of children(assertion, NS.assertion, "AuthnStatement")) {
    notAfter(statement, "SessionNotOnOrAfter", expected.now);
  }
  const nameId = textOf(onlyChild(subject, NS.assertion, "NameID"));
  if (nameId === "") throw wrong("it names nobody");
  return { nameId, attributes: attributesOf(assertion) };
}

/** Profiles, section 4.1.4.2: one confirmation by the bearer, for this request, to this address, now. */
function checkConfirmed(subject: Element, { acs, requestId, now }: Expected): void {
  const data = children(subject, NS.assertion, "SubjectConfirmation")
    .filter((each) => attribute(each, "Method") === BEARER)
    .map((each) => onlyChild(each, NS.assertion, "SubjectConfirmationData"));
  if (data.length === 0) throw wrong("nothing confirms its subject");
  for (const each of data) {
    if (attribute(each, "InResponseTo") !== requestId) throw wrong("it answers another request, or none");
    if (attribute(each, "Recipient") !== acs) throw wrong("it is meant for another address");
    if (!notAfter(each, "NotOnOrAfter", now)) throw wrong("its confirmation does not end");
    notBefore(each, now);
  }
}

function checkConditions(conditions: Element, { audience, now }: Expected): void {
  notBefore(conditions, now);
  notAfter(conditions, "NotOnOrAfter", now);
  const restrictions = children(conditions, NS.assertion, "AudienceRestriction");
  if (restrictions.length === 0) throw wrong("it names no audience");
  for (const restriction of restrictions) {
    const named = children(restriction, NS.assertion, "Audience").map(textOf);
    if (!named.includes(audience)) throw wrong(`it is meant for ${excerpt(named.join(", "))}`);
  }
}

function notBefore(element: Element, now: number): void {
  const time = timeOf(element, "NotBefore");
  if (time !== undefined && time > now + SKEW_MS) throw wrong("it is not valid yet");
}

/** @returns whether there is such a time */
function notAfter(element: Element, name: string, now: number): boolean {
  const time = timeOf(element, name);
  if (time !== undefined && time <= now - SKEW_MS) throw wrong("it has expired");
  return time !== undefined;
}

function timeOf(element: Element, name: string): number | undefined {
  const text = attribute(element, name);
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw wrong(`its ${name} is no time`);
  return time;
}

function attributesOf(assertion: Element): Claims {
  const claims: Record<string, string[]> = Object.create(null);
  for (const statement of children(assertion, NS.assertion, "AttributeStatement")) {
    for (const each of children(statement, NS.assertion, "Attribute")) {
      const values = children(each, NS.assertion, "AttributeValue").map((value) =>
        (value.textContent ?? "").trim()
      );
      const names = [attribute(each, "Name"), attribute(each, "FriendlyName")];
      for (const name of new Set(names)) {
        if (name !== undefined && name !== "") claims[name] = [...claims[name] ?? [], ...values];
      }
    }
  }
  return claims;
}
