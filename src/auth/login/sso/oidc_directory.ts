/**
 * What OpenID providers say of themselves (OpenID Connect Discovery 1.0) and the keys that they sign with (RFC 7517),
 * kept for a while. A token with an unknown key has the keys fetched anew: providers change them.
 * @module
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import * as v from "valibot";
import type { Clock } from "../../../base/clock.ts";
import { SECOND } from "../../../base/duration.ts";
import { Kept } from "./kept.ts";
import { SsoRefused } from "./provider.ts";
import type { ProviderClient } from "./provider_client.ts";

/** Signatures with a key that only the provider has: `none` and the HMACs prove nothing. */
export const SIGNATURES = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
] as const;

/** A stranger's tokens must not have us ask all the time. */
const AGAIN_MS = 10 * SECOND;

const url = v.pipe(v.string(), v.maxLength(2048), v.url());
const words = v.optional(v.array(v.string()));
const Discovery = v.object({
  issuer: v.string(),
  authorization_endpoint: url,
  token_endpoint: url,
  jwks_uri: url,
  userinfo_endpoint: v.optional(url),
  token_endpoint_auth_methods_supported: words,
  authorization_response_iss_parameter_supported: v.optional(v.boolean()),
});
const Keys = v.object({ keys: v.pipe(v.array(v.looseObject({ kty: v.string() })), v.maxLength(200)) });

export type Discovered = v.InferOutput<typeof Discovery>;

/** What is known of one provider. */
export interface Known {
  readonly found: Discovered;
  keys?: { set: JSONWebKeySet; fetched: number };
}

export class OidcDirectory {
  readonly #known: Kept<Known>;

  constructor(readonly clock: Clock) {
    this.#known = new Kept(clock);
  }

  /** @param issuer as an administrator wrote it. @throws {SsoRefused} provider */
  async find(issuer: string, client: ProviderClient): Promise<Known> {
    return await this.#known.get(issuer, async (before) => {
      const base = issuer.replace(/\/+$/, "");
      const { body } = await client.json(`${base}/.well-known/openid-configuration`);
      const result = v.safeParse(Discovery, body);
      if (!result.success) {
        throw new SsoRefused("provider", `${base} does not describe itself as OpenID providers do`);
      }
      const found = result.output;
      if (found.issuer.replace(/\/+$/, "") !== base) {
        throw new SsoRefused("provider", "the issuer calls itself by another name than issuer_url has");
      }
      // The keys stay while the provider has them in the same place.
      return before?.keys && before.found.jwks_uri === found.jwks_uri
        ? { found, keys: before.keys }
        : { found };
    });
  }

  /** Finds the key of a token. */
  keys(known: Known, client: ProviderClient): JWTVerifyGetKey {
    return async (header, token) => {
      const kept = known.keys;
      try {
        return await createLocalJWKSet((kept ?? await this.#fetch(known, client)).set)(header, token);
      } catch (error) {
        const stale = error instanceof errors.JWKSNoMatchingKey && kept &&
          this.clock.now() - kept.fetched >= AGAIN_MS;
        if (!stale) throw error;
        return await createLocalJWKSet((await this.#fetch(known, client)).set)(header, token);
      }
    };
  }

  async #fetch(entry: Known, client: ProviderClient): Promise<{ set: JSONWebKeySet; fetched: number }> {
    const { body } = await client.json(entry.found.jwks_uri);
    const result = v.safeParse(Keys, body);
    if (!result.success) {
      throw new SsoRefused("provider", "the provider's keys have another form than expected");
    }
    // Keys of other sorts and purposes do not concern us; secret ones least of all.
    const keys = result.output.keys.filter(({ kty, use }) =>
      kty !== "oct" && (use === undefined || use === "sig")
    );
    entry.keys = { set: { keys }, fetched: this.clock.now() };
    return entry.keys;
  }
}
