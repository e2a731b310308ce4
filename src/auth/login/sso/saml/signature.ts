/**
 * Signed XML (XML Signature Syntax and Processing). What is read afterwards is not the document but the very bytes that
 * the signature covers, parsed anew: whatever else was wrapped around them is never looked at.
 * @module
 */
import { createPublicKey, X509Certificate } from "node:crypto";
import { SignedXml } from "xml-crypto";
import { SsoRefused } from "../provider.ts";
import { attribute, children, elementsOf, everyElement, is, NS, onlyChild, parseXml, textOf } from "./xml.ts";

const C14N = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/** No SHA-1, and nothing with a shared key. */
const METHODS: ReadonlySet<string> = new Set([
  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
  "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
]);
const DIGESTS: ReadonlySet<string> = new Set([
  "http://www.w3.org/2001/04/xmlenc#sha256",
  "http://www.w3.org/2001/04/xmlenc#sha512",
]);

const refused = (why: string) => new SsoRefused("invalid", `the signature is not accepted: ${why}`);

/**
 * The element `of` as it was signed.
 * @param xml the document that holds it
 * @param certificates of the signer, PEM
 * @returns undefined when it is not signed itself
 * @throws {SsoRefused} when it is, and the signature is not good
 */
export function signedContent(
  xml: string,
  of: Element,
  certificates: readonly string[],
): Element | undefined {
  const signatures = children(of, NS.signature, "Signature");
  const [signature, ...more] = signatures;
  if (!signature) return undefined;
  if (more.length > 0) throw refused("there are several");
  const id = attribute(of, "ID") ?? "";
  checkForm(signature, id);
  const root = of.ownerDocument.documentElement;
  if (!root) throw refused("there is no document");
  const same = [...everyElement(root)].filter((each) => idsOf(each).includes(id));
  if (same.length !== 1) throw refused("its id is not unique");
  for (const certificate of certificates) {
    const content = verified(xml, signature, certificate);
    if (content === undefined) continue;
    const signed = parseXml(content);
    if (
      attribute(signed, "ID") !== id || signed.localName !== of.localName ||
      signed.namespaceURI !== of.namespaceURI
    ) {
      throw refused("it covers something else");
    }
    return signed;
  }
  throw refused("no key of the provider has made it, or the content was changed");
}

/** Whatever a reader of signatures might take for an id. */
function idsOf(element: Element): string[] {
  const ids: string[] = [];
  for (let i = 0; i < element.attributes.length; i++) {
    const each = element.attributes.item(i);
    if (each && each.localName?.toLowerCase() === "id") ids.push(each.value);
  }
  return ids;
}

/** Exactly the form that SAML 2.0 core, section 5.4, describes: nothing that readers could disagree about. */
function checkForm(signature: Element, id: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,255}$/.test(id)) throw refused("what it covers has no proper id");
  const names = elementsOf(signature).map((child) =>
    child.namespaceURI === NS.signature ? child.localName : "?"
  );
  if (!["SignedInfo SignatureValue", "SignedInfo SignatureValue KeyInfo"].includes(names.join(" "))) {
    throw refused("it holds other things than a signature does");
  }
  const info = onlyChild(signature, NS.signature, "SignedInfo");
  if (
    elementsOf(info).map(({ localName }) => localName).join(" ") !==
      "CanonicalizationMethod SignatureMethod Reference"
  ) {
    throw refused("it covers several things");
  }
  const algorithm = (element: Element) => attribute(element, "Algorithm") ?? "";
  if (algorithm(onlyChild(info, NS.signature, "CanonicalizationMethod")) !== C14N) {
    throw refused("its canonical form is not the exclusive one");
  }
  if (!METHODS.has(algorithm(onlyChild(info, NS.signature, "SignatureMethod")))) {
    throw refused("its algorithm is none of RSA with SHA-256 or SHA-512");
  }
  const reference = onlyChild(info, NS.signature, "Reference");
  if (attribute(reference, "URI") !== `#${id}`) {
    throw refused("it covers another element than the one it stands in");
  }
  if (!DIGESTS.has(algorithm(onlyChild(reference, NS.signature, "DigestMethod")))) {
    throw refused("its digest is none of SHA-256 or SHA-512");
  }
  const transforms = elementsOf(onlyChild(reference, NS.signature, "Transforms"));
  const isPlain = transforms.every((each) => is(each, NS.signature, "Transform"));
  if (!isPlain || transforms.map(algorithm).join(" ") !== `${ENVELOPED} ${C14N}`) {
    throw refused("it transforms what it covers");
  }
  textOf(onlyChild(signature, NS.signature, "SignatureValue"));
}

/** The canonical text that the signature covers; undefined when another key made it, or the text was changed. */
function verified(xml: string, signature: Element, certificate: string): string | undefined {
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "pem" });
  const checked = new SignedXml({ publicCert: createPublicKey(key).export({ type: "spki", format: "pem" }) });
  try {
    checked.loadSignature(signature);
    if (!checked.checkSignature(xml)) return undefined;
  } catch (error) {
    // The library throws a plain error for a wrong signature, as it does for every other fault of the document.
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
  const [content, ...more] = checked.getSignedReferences();
  return more.length === 0 ? content : undefined;
}
