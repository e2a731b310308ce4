/**
 * Single sign-on. The proxy passes on what browsers bring; auth talks with the identity provider, checks its answers and
 * decides who somebody is.
 * @module
 */
import * as v from "valibot";
import { SSO_FAILURES, SSO_KINDS, type SsoFailure } from "../../model/sso.ts";
import { hosts } from "../access.ts";
import { certFormat, durationMs, entry, publicKey, secretText, text, userName } from "./schemas.ts";
import { webSession, webSessionKeys } from "./web_sessions.ts";

const kind = v.picklist(SSO_KINDS);
/** The SHA-256 of the secret in the browser's cookie, hexadecimal. */
const browser = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not a digest"));
const failure = v.picklist(Object.keys(SSO_FAILURES) as [SsoFailure, ...SsoFailure[]]);

/** Whom the login is for. */
const purpose = v.variant("for", [
  /** A browser: where it goes afterwards. */
  v.strictObject({ for: v.literal("web"), browser, returnTo: text(1024) }),
  /** A terminal, which waits on a loopback address and opens what is sealed with its secret. */
  v.strictObject({
    for: v.literal("console"),
    publicKey,
    ttl: v.optional(durationMs),
    certFormat: v.optional(certFormat),
    callback: text(300),
    secret: secretText,
  }),
]);

export const ssoCalls = {
  /** Where the browser goes, or the form that it sends there. @throws not_found, unavailable */
  "sso.begin": entry({
    input: v.strictObject({ kind, connector: v.optional(text(128)), purpose, address: text(64) }),
    output: v.object({ url: v.string() }),
    access: hosts("proxy"),
    audited: false,
  }),

  /** What the provider had the browser bring. */
  "sso.finish": entry({
    input: v.strictObject({
      kind,
      /** Of the browser's cookie, if it has one. */
      browser: v.optional(browser),
      fields: v.record(text(32), text(256 * 1024)),
      address: text(64),
    }),
    output: v.variant("result", [
      /** A web session can be claimed once. */
      v.object({ result: v.literal("web"), user: userName, claim: secretText, returnTo: v.string() }),
      /** The terminal has to be told: at this address, with an answer that is sealed for it. */
      v.object({ result: v.literal("console"), url: v.string() }),
      v.object({ result: v.literal("failed"), why: failure }),
    ]),
    access: hosts("proxy"),
    audited: true,
  }),

  /** The session of a login that was proven a moment ago. @throws unauthenticated */
  "sso.claim": entry({
    input: v.strictObject({ user: userName, claim: secretText, address: text(64), ...webSessionKeys }),
    output: webSession,
    access: hosts("proxy"),
    audited: true,
  }),

  /** What a SAML provider has to know about this cluster, as XML. @throws not_found */
  "sso.metadata": entry({
    input: v.strictObject({ connector: text(128) }),
    output: v.object({ xml: v.string() }),
    access: hosts("proxy"),
    audited: false,
  }),
} as const;
