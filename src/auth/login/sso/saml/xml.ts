/**
 * XML as SAML needs it and no more: no document types, so no entities; no processing instructions; every mistake is one.
 * @module
 */
import { DOMParser } from "@xmldom/xmldom";
import { SsoRefused } from "../provider.ts";

export const NS = {
  protocol: "urn:oasis:names:tc:SAML:2.0:protocol",
  assertion: "urn:oasis:names:tc:SAML:2.0:assertion",
  metadata: "urn:oasis:names:tc:SAML:2.0:metadata",
  signature: "http://www.w3.org/2000/09/xmldsig#",
} as const;

const ELEMENT = 1;
const MAX_DEPTH = 64;
/** Tags: thousands of groups, and no more work than that for whoever sends a form. */
const MAX_TAGS = 20_000;

/** The root element of a document. @throws {SsoRefused} invalid */
export function parseXml(text: string): Element {
  const broken = (why: string) => new SsoRefused("invalid", `the XML ${why}`);
  const body = text.replace(/^\ufeff?\s*<\?xml [^<>?]{0,200}\?>/, "");
  if (/<!DOCTYPE|<!ENTITY|<!ELEMENT|<\?/i.test(body)) throw broken("has a document type or an instruction");
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(body)) {
    throw broken("holds a control character");
  }
  if (body.split("<", MAX_TAGS + 1).length > MAX_TAGS) throw broken("has too many elements");
  const stop = (message: string) => {
    throw broken(`is malformed: ${message.replace(/[^\x20-\x7e]/g, " ").slice(0, 100)}`);
  };
  const parser = new DOMParser({ errorHandler: { warning: stop, error: stop, fatalError: stop } });
  let root: Element | null;
  try {
    root = parser.parseFromString(body, "text/xml").documentElement;
  } catch (error) {
    if (error instanceof SsoRefused) throw error;
    throw new SsoRefused("invalid", "the XML is malformed", { cause: error });
  }
  if (!root) throw broken("holds nothing");
  checkDepth(root, 1);
  return root;
}

function checkDepth(element: Element, depth: number): void {
  if (depth > MAX_DEPTH) throw new SsoRefused("invalid", "the XML is nested too deeply");
  for (const child of elementsOf(element)) checkDepth(child, depth + 1);
}

/** The child elements. */
export function elementsOf(parent: Element): Element[] {
  const found: Element[] = [];
  for (let node = parent.firstChild; node; node = node.nextSibling) {
    if (node.nodeType === ELEMENT) found.push(node as Element);
  }
  return found;
}

export function is(element: Element, namespace: string, name: string): boolean {
  return element.namespaceURI === namespace && element.localName === name;
}

/** The child elements of a name. */
export function children(parent: Element, namespace: string, name: string): Element[] {
  return elementsOf(parent).filter((child) => is(child, namespace, name));
}

/** The one child element of a name. @throws {SsoRefused} when there is none, or are several */
export function onlyChild(parent: Element, namespace: string, name: string): Element {
  const [first, ...more] = children(parent, namespace, name);
  if (first && more.length === 0) return first;
  throw new SsoRefused("invalid", `the XML has ${first ? "several" : "no"} ${name} in ${parent.localName}`);
}

/** An element and everything below it. */
export function* everyElement(root: Element): Generator<Element> {
  yield root;
  for (const child of elementsOf(root)) yield* everyElement(child);
}

export function attribute(element: Element, name: string): string | undefined {
  return element.hasAttribute(name) ? element.getAttribute(name) ?? undefined : undefined;
}

/** The text of an element that holds nothing else. @throws {SsoRefused} */
export function textOf(element: Element): string {
  if (elementsOf(element).length > 0) {
    throw new SsoRefused("invalid", `the XML has elements where ${element.localName} holds text`);
  }
  return (element.textContent ?? "").trim();
}

/** Text as it is written into an element or an attribute. */
export function escapeXml(text: string): string {
  const names: Record<string, string> = {
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    '"': "&quot;",
    "'": "&apos;",
  };
  return text.replace(/[<>&"']/g, (c) => names[c] ?? "");
}
