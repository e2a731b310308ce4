/**
 * An OpenID provider in memory that says whatever a test wants it to: every answer can be replaced. Calls to it do not
 * leave the process.
 * @module
 */
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import type { AuthService } from "../../../src/auth/service.ts";
import { AuthService as Service } from "../../../src/auth/service.ts";
import type { Finished } from "../../../src/auth/login/sso/sso.ts";
import type { OutboundCall } from "../../../src/base/outbound_call.ts";
import type { HttpAnswer } from "../../../src/base/https_call.ts";
import { AppError } from "../../../src/base/errors.ts";
import { MemoryBackend } from "../../../src/store/memory.ts";
import { CHEAP } from "../auth_fixture.ts";
import { FakeClock } from "../clock.ts";
import { MemoryFiles } from "../memory_files.ts";
import { BROWSER, writeDocument } from "./auth_with_saml.ts";

export const ISSUER = "https://idp.example/realm";
export const CLIENT_ID = "teleport";

type Key = Awaited<ReturnType<typeof generateKeyPair>>;

export class HostileOidc implements AsyncDisposable {
  /** Answers by address; a test puts its own in. */
  readonly pages = new Map<string, unknown>();
  readonly calls: OutboundCall[] = [];
  keyId = "one";

  private constructor(readonly auth: AuthService, readonly clock: FakeClock, public key: Key) {}

  static async open(spec: Record<string, unknown> = {}): Promise<HostileOidc> {
    const clock = new FakeClock();
    const files = new MemoryFiles(clock);
    let hostile: HostileOidc | undefined = undefined;
    const auth = await Service.open(
      new MemoryBackend(clock),
      files,
      clock,
      {
        clusterName: "test.example.com",
        secondFactor: "otp",
        sessionRecording: "node",
        staticTokens: [],
        logDirectory: "/log",
        recordingsDirectory: "/log/sessions",
        passwordCost: CHEAP,
      },
      (call) => hostile ? hostile.answer(call) : Promise.reject(new AppError("unavailable", "not yet")),
    );
    const made = hostile = new HostileOidc(
      auth,
      clock,
      await generateKeyPair("RS256", { extractable: true }),
    );
    await made.publish();
    await writeDocument(auth, {
      kind: "role",
      version: "v3",
      metadata: { name: "ops" },
      spec: { allow: { logins: ["root"] } },
    });
    await made.connector(spec);
    return made;
  }

  async connector(spec: Record<string, unknown> = {}): Promise<void> {
    await writeDocument(this.auth, {
      kind: "oidc",
      version: "v2",
      metadata: { name: "corp" },
      spec: {
        issuer_url: ISSUER,
        client_id: CLIENT_ID,
        client_secret: "s3cret",
        redirect_url: "https://gw.example.com/v1/webapi/oidc/callback",
        claims_to_roles: [{ claim: "groups", value: "admins", roles: ["ops"] }],
        ...spec,
      },
    });
  }

  /** The provider's description and its keys. */
  async publish(change: Record<string, unknown> = {}): Promise<void> {
    this.pages.set(`${ISSUER}/.well-known/openid-configuration`, {
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/auth`,
      token_endpoint: `${ISSUER}/token`,
      jwks_uri: `${ISSUER}/keys`,
      ...change,
    });
    this.pages.set(`${ISSUER}/keys`, { keys: [await this.jwk()] });
  }

  async jwk(): Promise<JWK> {
    return { ...await exportJWK(this.key.publicKey), kid: this.keyId, use: "sig", alg: "RS256" };
  }

  async publicPem(): Promise<string> {
    return await exportSPKI(this.key.publicKey);
  }

  async answer(call: OutboundCall): Promise<HttpAnswer> {
    this.calls.push(call);
    const address = `${call.tls ? "https" : "http"}://${call.host}${call.path}`;
    const page = this.pages.get(address);
    const body = typeof page === "function" ? await page(call) : page;
    if (body === undefined) return { status: 404, headers: {}, text: "{}" };
    if (typeof body === "object" && body !== null && "status" in body && "text" in body) return body;
    return { status: 200, headers: {}, text: JSON.stringify(body) };
  }

  /** The claims of a good token for a login. */
  claims(nonce: string, change: Record<string, unknown> = {}): Record<string, unknown> {
    const now = Math.floor(this.clock.now() / 1000);
    return {
      iss: ISSUER,
      aud: CLIENT_ID,
      sub: "7",
      nonce,
      iat: now,
      exp: now + 300,
      email: "ann@example.com",
      email_verified: true,
      groups: ["admins"],
      ...change,
    };
  }

  async token(claims: Record<string, unknown>, key = this.key, alg = "RS256"): Promise<string> {
    return await new SignJWT(claims).setProtectedHeader({ alg, kid: this.keyId }).sign(key.privateKey);
  }

  /** Begins a login. */
  async begin(): Promise<{ state: string; nonce: string; url: URL }> {
    const purpose = { for: "web", browser: BROWSER, returnTo: "/web" } as const;
    const { url } = await this.auth.sso.begin("oidc", "corp", purpose, "10.1.1.1");
    const parsed = new URL(url);
    return {
      state: parsed.searchParams.get("state") ?? "",
      nonce: parsed.searchParams.get("nonce") ?? "",
      url: parsed,
    };
  }

  finish(fields: Record<string, string>): Promise<Finished> {
    return this.auth.sso.finish("oidc", fields, BROWSER, "10.1.1.1");
  }

  /** A whole login with an ID token that the test makes. */
  async attempt(
    make: (nonce: string) => Promise<string> | string,
    fields: Record<string, string> = {},
    tokens: Record<string, unknown> = {},
  ): Promise<Finished> {
    const { state, nonce } = await this.begin();
    this.pages.set(`${ISSUER}/token`, { id_token: await make(nonce), access_token: "a", ...tokens });
    return await this.finish({ state, code: "c", ...fields });
  }

  async reason(): Promise<string> {
    const events = await this.auth.audit.search({ events: ["user.login"] });
    return String(events.filter(({ success }) => success === false).at(-1)?.error ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.auth.close();
  }
}
