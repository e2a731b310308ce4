/**
 * What tctl says about resources that were written or deleted.
 * @module
 */
import { type Kind, KINDS } from "../../src/model/resource/kinds.ts";
import { printableCell } from "../output.ts";

/** The name in the quotation marks of its kind. */
function named(kind: Kind, name: string): string {
  const shown = printableCell(name);
  switch (kind) {
    case "github":
    case "oidc":
    case "saml":
      return `authentication connector "${shown}"`;
    case "trusted_cluster":
    case "remote_cluster":
      return `${KINDS[kind].noun} "${shown}"`;
    default:
      return `${KINDS[kind].noun} '${shown}'`;
  }
}

export function writtenText(kind: Kind, name: string, change: "created" | "updated" | "unchanged"): string {
  const what = named(kind, name);
  return change === "unchanged" ? `${what} is the same as before\n` : `${what} has been ${change}\n`;
}

export function removedText(kind: Kind, name: string): string {
  const shown = printableCell(name);
  const noun = KINDS[kind].noun.replace(/^(OIDC|SAML) connector/, "$1 Connector");
  const plain = kind === "user" || kind === "role" || kind === "oidc" || kind === "saml";
  return `${noun} ${plain ? shown : `"${shown}"`} has been deleted\n`;
}
