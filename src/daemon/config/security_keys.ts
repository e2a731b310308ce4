/**
 * Reading `authentication.u2f`: where security keys are used.
 * @module
 */
import { isIP } from "node:net";
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { relyingParty, type SecondFactorKind, type SecurityKeyPlace } from "../../model/security_key.ts";
import { key } from "./keys.ts";
import { listOf, reading } from "./values.ts";

function httpsUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "https:" && url.username === "" && url.hash === "" && url.search === "") return url;
  throw new AppError("bad_input", `${quote(text)} is no address of the form https://host[:port]`);
}

/** `app_id`: kept letter by letter, for it is what keys are registered for. */
function parseAppId(text: string): string {
  const { hostname } = httpsUrl(text);
  if (isIP(hostname.replace(/^\[|\]$/g, "")) !== 0) {
    throw new AppError(
      "bad_input",
      `${quote(text)}: browsers use security keys for names, not for IP addresses`,
    );
  }
  return text;
}

function parseFacet(text: string): string {
  const url = httpsUrl(text);
  if (url.pathname === "/") return url.origin;
  throw new AppError("bad_input", `the facet ${quote(text)} must be a proxy's address without a path`);
}

export const securityKeys = v.object({
  app_id: key(
    "The address of the web interface, for which security keys are registered; it must never change.",
    v.optional(reading(parseAppId, "https://host[:port]")),
  ),
  facets: key(
    "The web addresses of all proxies; without any, app_id's own.",
    v.optional(listOf(reading(parseFacet, "https://host[:port]")), []),
  ),
});

/**
 * The cluster's place for keys; none where they are not used.
 * @param place where the file has a key of `authentication`
 * @throws {AppError} bad_input when they are and nothing says where
 */
export function securityKeyPlace(
  { second_factor: factor, u2f: { app_id: appId, facets } }: {
    second_factor: SecondFactorKind;
    u2f: v.InferOutput<typeof securityKeys>;
  },
  place: (name: string) => string,
  warnings: string[],
): { u2f?: SecurityKeyPlace } {
  if (factor !== "u2f") {
    if (appId !== undefined) warnings.push(`${place("u2f")}: not used, because second_factor is not "u2f"`);
    return {};
  }
  if (appId === undefined) {
    throw new AppError(
      "bad_input",
      `${place("second_factor")}: second_factor "u2f" needs "u2f.app_id", the address of the web interface`,
    );
  }
  const found = { appId, facets };
  const host = relyingParty(found);
  for (const facet of facets) {
    const { hostname } = new URL(facet);
    if (hostname === host || hostname.endsWith(`.${host}`)) continue;
    warnings.push(
      `${
        place("u2f")
      }: browsers use keys of ${host} at ${facet} only if https://${host}/.well-known/webauthn ` +
        "(port 443) lists it; let app_id have a name that all proxies share",
    );
  }
  return { u2f: found };
}
