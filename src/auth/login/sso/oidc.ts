/**
 * OpenID Connect Core 1.0, the authorization code flow with PKCE: discovery, the exchange of the code, the check of the
 * ID token, and the claims of the userinfo endpoint.
 * @module
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { type JWTPayload, jwtVerify } from "jose";
import * as v from "valibot";
import type { Clock } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import { equalInConstantTime } from "../../../base/secret.ts";
import { mappedRoles } from "../../../model/claim_mapping.ts";
import type { oidcSchema } from "../../../model/resource/connectors.ts";
import { type Discovered, type Known, type OidcDirectory, SIGNATURES } from "./oidc_directory.ts";
import { checkAcr, claimsOf, nameOf } from "./oidc_claims.ts";
import { challengeOf } from "./pkce.ts";
import {
  type Begun,
  excerpt,
  type ExternalUser,
  type Fields,
  type IdentityProvider,
  SsoRefused,
} from "./provider.ts";
import { parsed, type ProviderClient } from "./provider_client.ts";

export type OidcSpec = v.InferOutput<typeof oidcSchema>["spec"];

/** For clocks that run apart, in seconds. */
const TOLERANCE = 60;
const DEFAULT_SCOPES = ["openid", "email"];

const Tokens = v.object({
  id_token: v.pipe(v.string(), v.maxLength(256 * 1024)),
  access_token: v.optional(v.pipe(v.string(), v.maxLength(64 * 1024))),
});

export class OidcProvider implements IdentityProvider {
  constructor(
    readonly spec: OidcSpec,
    readonly client: ProviderClient,
    readonly directory: OidcDirectory,
    readonly clock: Clock,
  ) {}

  async begin(state: string): Promise<Begun> {
    const { found: { authorization_endpoint: endpoint } } = await this.#discovered();
    const verifier = randomBytes(32).toString("base64url");
    const nonce = randomBytes(32).toString("base64url");
    const url = new URL(endpoint);
    const asked: Record<string, string> = {
      response_type: "code",
      client_id: this.spec.client_id,
      redirect_uri: this.spec.redirect_url,
      scope: [...new Set([...DEFAULT_SCOPES, ...this.spec.scope ?? []])].join(" "),
      state,
      nonce,
      code_challenge: challengeOf(verifier),
      code_challenge_method: "S256",
      ...(this.spec.acr_values ? { acr_values: this.spec.acr_values } : {}),
    };
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
    return { url: url.href, memory: { verifier, nonce } };
  }

  async finish(fields: Fields, memory: Readonly<Record<string, string>>): Promise<ExternalUser> {
    const known = await this.#discovered();
    const { found } = known;
    // RFC 9207: an answer of another provider is not taken for this one's.
    if (
      fields.iss !== undefined
        ? fields.iss !== found.issuer
        : found.authorization_response_iss_parameter_supported
    ) {
      throw new SsoRefused("invalid", "the answer names another issuer, or none");
    }
    if (fields.error !== undefined) {
      throw new SsoRefused(
        "refused",
        `${excerpt(fields.error)} ${excerpt(fields.error_description ?? "")}`.trim(),
      );
    }
    const tokens = await this.#exchange(found, fields.code ?? "", memory.verifier ?? "");
    const payload = await this.#verified(known, tokens.id_token, memory.nonce ?? "");
    checkAcr(this.spec, payload);
    const told = { ...await this.#userinfo(found, payload, tokens.access_token), ...payload };
    const claims = claimsOf(told);
    const name = nameOf(this.spec, told);
    const roles = mappedRoles(this.spec.claims_to_roles ?? [], claims);
    if (roles.length === 0) {
      throw new SsoRefused("unmapped", `no claim of ${excerpt(name)} is mapped to a role`);
    }
    return { name, username: name, subject: payload.sub ?? "", roles, claims };
  }

  #discovered(): Promise<Known> {
    return this.directory.find(this.spec.issuer_url, this.client);
  }

  async #exchange(found: Discovered, code: string, verifier: string): Promise<v.InferOutput<typeof Tokens>> {
    if (code === "" || code.length > 8192) throw new SsoRefused("invalid", "the provider sent no code");
    const { client_id: id, client_secret: secret = "", redirect_url: redirect } = this.spec;
    const form = new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: redirect,
      code_verifier: verifier,
    });
    const methods = found.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    const headers: Record<string, string> = {};
    if (methods.includes("client_secret_basic")) {
      // RFC 6749 section 2.3.1: both are encoded as in a form, and then as Basic has it.
      const pair = [id, secret].map((part) => new URLSearchParams({ a: part }).toString().slice(2)).join(":");
      headers.authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
    } else {
      form.set("client_id", id);
      form.set("client_secret", secret);
    }
    const answer = await this.client.ask(found.token_endpoint, { form, headers });
    const body = parsed(answer.text, "the token endpoint");
    if (answer.status !== 200) {
      const told = v.safeParse(v.object({ error: v.string() }), body);
      throw new SsoRefused(
        answer.status >= 500 ? "provider" : "invalid",
        `the token endpoint answered with status ${answer.status}${
          told.success ? `: ${excerpt(told.output.error)}` : ""
        }`,
      );
    }
    const tokens = v.safeParse(Tokens, body);
    if (!tokens.success) throw new SsoRefused("invalid", "the token endpoint sent no ID token");
    return tokens.output;
  }

  /** OpenID Connect Core 1.0 section 3.1.3.7. */
  async #verified(known: Known, token: string, nonce: string): Promise<JWTPayload> {
    const { client_id: audience } = this.spec;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, this.directory.keys(known, this.client), {
        issuer: known.found.issuer,
        audience,
        algorithms: [...SIGNATURES],
        requiredClaims: ["exp", "iat", "sub"],
        clockTolerance: TOLERANCE,
        currentDate: new Date(this.clock.now()),
      }));
    } catch (error) {
      if (error instanceof SsoRefused) throw error;
      throw new SsoRefused("invalid", `the ID token is not accepted: ${excerpt(messageOf(error))}`, {
        cause: error,
      });
    }
    const wrong = (why: string) => new SsoRefused("invalid", `the ID token is not accepted: ${why}`);
    if (typeof payload.nonce !== "string" || nonce === "" || !equalInConstantTime(payload.nonce, nonce)) {
      throw wrong("it was made for another login");
    }
    const several = Array.isArray(payload.aud) && payload.aud.length > 1;
    if (several && payload.azp === undefined || payload.azp !== undefined && payload.azp !== audience) {
      throw wrong("it was made for another application");
    }
    if ((payload.iat ?? 0) * 1000 > this.clock.now() + TOLERANCE * 1000) {
      throw wrong("it was made in the future");
    }
    if (typeof payload.sub !== "string" || payload.sub === "" || payload.sub.length > 255) {
      throw wrong("it names nobody");
    }
    return payload;
  }

  /** Claims that are not in the token. ADFS has nothing there but the subject. */
  async #userinfo(
    found: Discovered,
    { sub }: JWTPayload,
    token: string | undefined,
  ): Promise<Record<string, unknown>> {
    const { userinfo_endpoint: endpoint } = found;
    if (endpoint === undefined || token === undefined || this.spec.provider === "adfs") return {};
    const { body } = await this.client.json(endpoint, { headers: { authorization: `Bearer ${token}` } });
    const told = v.safeParse(v.record(v.string(), v.unknown()), body);
    // Section 5.3.2: or else it may be about somebody else.
    if (!told.success || told.output.sub !== sub) {
      throw new SsoRefused("invalid", "the userinfo endpoint speaks of somebody else");
    }
    return told.output;
  }
}
