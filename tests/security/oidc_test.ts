/** Attacks on OpenID Connect logins: forged and foreign tokens, and providers that lead elsewhere. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHash, createHmac } from "node:crypto";
import { generateKeyPair } from "jose";
import { AppError } from "../../src/base/errors.ts";
import { MINUTE } from "../../src/base/duration.ts";
import { CLIENT_ID, HostileOidc, ISSUER } from "../kit/sso/hostile_oidc.ts";

const INVALID = { result: "failed", why: "invalid" } as const;

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

Deno.test("OIDC: tokens of no signature, of a shared key, of other keys are refused", async () => {
  await using oidc = await HostileOidc.open();
  const other = await generateKeyPair("RS256");
  const pem = await oidc.publicPem();
  const jwk = JSON.stringify(await oidc.jwk());
  const hmac = (header: object, claims: object, key: string) => {
    const text = `${part(header)}.${part(claims)}`;
    return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
  };
  const forgeries: [string, (nonce: string) => Promise<string> | string][] = [
    ["alg none", (nonce) => `${part({ alg: "none" })}.${part(oidc.claims(nonce))}.`],
    ["alg None", (nonce) => `${part({ alg: "nOnE", kid: "one" })}.${part(oidc.claims(nonce))}.`],
    [
      "HS256 with the public key as PEM",
      (nonce) => hmac({ alg: "HS256", kid: "one" }, oidc.claims(nonce), pem),
    ],
    [
      "HS256 with the public key as JWK",
      (nonce) => hmac({ alg: "HS256", kid: "one" }, oidc.claims(nonce), jwk),
    ],
    ["HS256 with the client's secret", (nonce) => hmac({ alg: "HS256" }, oidc.claims(nonce), "s3cret")],
    ["another key", (nonce) => oidc.token(oidc.claims(nonce), other)],
    ["a key that the token brings itself", async (nonce) => {
      const { SignJWT, exportJWK } = await import("jose");
      return await new SignJWT(oidc.claims(nonce))
        .setProtectedHeader({ alg: "RS256", kid: "one", jwk: await exportJWK(other.publicKey) })
        .sign(other.privateKey);
    }],
    ["a payload changed after signing", async (nonce) => {
      const [head, , signature] = (await oidc.token(oidc.claims(nonce))).split(".");
      return `${head}.${part(oidc.claims(nonce, { groups: ["admins"], sub: "1" }))}.${signature}`;
    }],
    ["no token", () => "x.y.z"],
    ["a critical extension nobody knows", async (nonce) => {
      const [, body, signature] = (await oidc.token(oidc.claims(nonce))).split(".");
      return `${part({ alg: "RS256", kid: "one", crit: ["exp"] })}.${body}.${signature}`;
    }],
  ];
  for (const [name, make] of forgeries) assertEquals(await oidc.attempt(make), INVALID, name);
  assertEquals((await oidc.attempt((nonce) => oidc.token(oidc.claims(nonce)))).result, "web");
});

Deno.test("OIDC: tokens for another application, login, time or issuer are refused", async () => {
  await using oidc = await HostileOidc.open();
  const now = Math.floor(oidc.clock.now() / 1000);
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ aud: "other" }, /aud/],
    [{ aud: ["other", "more"] }, /aud/],
    [{ aud: [CLIENT_ID, "other"] }, /another application/],
    [{ aud: [CLIENT_ID, "other"], azp: "other" }, /another application/],
    [{ azp: "other" }, /another application/],
    [{ iss: "https://evil.example" }, /iss/],
    [{ iss: `${ISSUER}/` }, /iss/],
    [{ exp: now - 61 }, /exp/],
    [{ exp: undefined }, /exp/],
    [{ iat: now + 3600 }, /future|iat/],
    [{ nbf: now + 3600 }, /nbf/],
    [{ sub: undefined }, /sub/],
    [{ sub: "" }, /names nobody/],
    [{ nonce: "x" }, /another login/],
    [{ nonce: undefined }, /another login/],
  ];
  for (const [change, reason] of cases) {
    const finished = await oidc.attempt((nonce) => oidc.token(oidc.claims(nonce, change)));
    assertEquals(finished, INVALID, JSON.stringify(change));
    assertMatch(await oidc.reason(), reason);
  }
  assertEquals(
    (await oidc.attempt((nonce) => oidc.token(oidc.claims(nonce, { aud: [CLIENT_ID, "b"], azp: CLIENT_ID }))))
      .result,
    "web",
  );
});

Deno.test("OIDC: a code that was put into somebody's login is of no use: state, PKCE and nonce are of one login", async () => {
  await using oidc = await HostileOidc.open();
  const mine = await oidc.begin();
  const theirs = await oidc.begin();
  // The token of my code has my nonce; in their login it is foreign.
  oidc.pages.set(`${ISSUER}/token`, {
    id_token: await oidc.token(oidc.claims(mine.nonce)),
    access_token: "a",
  });
  assertEquals(await oidc.finish({ state: theirs.state, code: "mine" }), INVALID);
  const sent = new URLSearchParams(String(oidc.calls.findLast(({ path }) => path.endsWith("/token"))?.body));
  const challenge = createHash("sha256").update(sent.get("code_verifier") ?? "").digest("base64url");
  assertEquals(
    challenge,
    theirs.url.searchParams.get("code_challenge"),
    "the verifier is of the login, not of the code",
  );
  assertEquals(await oidc.finish({ state: theirs.state, code: "again" }), {
    result: "failed",
    why: "expired",
  });
  // RFC 9207: mixed up providers.
  assertEquals(
    await oidc.attempt((nonce) => oidc.token(oidc.claims(nonce)), { iss: "https://evil.example" }),
    INVALID,
  );
  const late = await oidc.begin();
  await oidc.clock.advance(10 * MINUTE + 1);
  assertEquals(await oidc.finish({ state: late.state, code: "c" }), { result: "failed", why: "expired" });
});

Deno.test("OIDC: new keys of a provider are learnt; keys it does not have are not asked for without end", async () => {
  await using oidc = await HostileOidc.open();
  const good = () => oidc.attempt((nonce) => oidc.token(oidc.claims(nonce)));
  assertEquals((await good()).result, "web");
  oidc.key = await generateKeyPair("RS256", { extractable: true });
  oidc.keyId = "two";
  await oidc.publish();
  await oidc.clock.advance(11_000);
  assertEquals((await good()).result, "web", "the keys were changed");
  oidc.keyId = "three";
  const before = oidc.calls.filter(({ path }) => path.endsWith("/keys")).length;
  for (let i = 0; i < 5; i++) assertEquals(await good(), INVALID);
  assert(oidc.calls.filter(({ path }) => path.endsWith("/keys")).length - before <= 1);
});

Deno.test("OIDC: a provider that calls itself otherwise, leads to plain HTTP, or answers with rubbish is not used", async () => {
  const cases: Record<string, unknown>[] = [
    { issuer: "https://evil.example" },
    { authorization_endpoint: undefined },
    { token_endpoint: "http://idp.example/token" },
    { token_endpoint: "https://user:password@idp.example/token" },
    { jwks_uri: "file:///etc/passwd" },
  ];
  for (const change of cases) {
    await using oidc = await HostileOidc.open();
    await oidc.publish(change);
    const failed = await Promise.try(() => oidc.attempt((nonce) => oidc.token(oidc.claims(nonce))))
      .catch((error: AppError) => error.code);
    assert(
      failed === "unavailable" || typeof failed === "object" && failed.result === "failed",
      JSON.stringify([change, failed]),
    );
    assert(oidc.calls.every(({ tls }) => tls), "nothing went by plain HTTP");
  }
  await using oidc = await HostileOidc.open();
  oidc.pages.set(`${ISSUER}/.well-known/openid-configuration`, {
    status: 302,
    text: "",
    headers: { location: "https://evil.example" },
  });
  await assertRejects(() => oidc.begin(), AppError, "cannot be used");
  assertEquals(oidc.calls.length, 1, "no redirect was followed");
});

Deno.test("OIDC: what the provider itself names may not be in private places; what the connector names may", async () => {
  await using oidc = await HostileOidc.open();
  await oidc.publish({ token_endpoint: "https://metadata.internal/token" });
  await oidc.attempt((nonce) => oidc.token(oidc.claims(nonce)));
  const trusted = (host: string) =>
    oidc.calls.filter((call) => call.host === host).map(({ isConfigured }) => isConfigured);
  assertEquals([new Set(trusted("idp.example")), trusted("metadata.internal")], [new Set([true]), [false]]);
});

Deno.test("OIDC: userinfo about somebody else, unverified addresses, weak logins are refused; adfs and netiq are known", async () => {
  await using oidc = await HostileOidc.open();
  await oidc.publish({ userinfo_endpoint: `${ISSUER}/me` });
  const plain = { email: undefined, email_verified: undefined, groups: undefined };
  const login = (change: Record<string, unknown> = {}) =>
    oidc.attempt((nonce) => oidc.token(oidc.claims(nonce, change)));
  const told = { sub: "7", email: "ann@example.com", groups: ["admins"] };
  oidc.pages.set(`${ISSUER}/me`, told);
  assertEquals((await login(plain)).result, "web", "claims of the userinfo endpoint count");
  oidc.pages.set(`${ISSUER}/me`, { ...told, sub: "8" });
  assertEquals(await login(plain), INVALID);
  oidc.pages.set(`${ISSUER}/me`, { ...told, groups: ["admins"], email: "ceo@example.com" });
  const signed = await login({ groups: ["none"] });
  assertEquals(signed, { result: "failed", why: "unmapped" }, "the signed claim stands above the other");
  oidc.pages.set(`${ISSUER}/me`, told);
  assertEquals(await login({ email_verified: false }), { result: "failed", why: "name" });
  assertEquals(await login({ email: "a b@example.com" }), { result: "failed", why: "name" });
  assertEquals(await login({ email: "ann@example.com\u0000" }), { result: "failed", why: "name" });
  await oidc.connector({ acr_values: "strong stronger" });
  assertEquals(await login(), INVALID);
  assertEquals((await login({ acr: "stronger" })).result, "web");
  await oidc.connector({ acr_values: "strong", provider: "netiq" });
  assertEquals((await login({ acr: { values: ["weak", "strong"] } })).result, "web");
  await oidc.connector({ provider: "adfs" });
  oidc.pages.delete(`${ISSUER}/me`);
  assertEquals((await login({ email: undefined, upn: "ann@corp.example", sub: "9" })).result, "web");
  await oidc.connector({ username_claim: "preferred_username" });
  oidc.pages.set(`${ISSUER}/me`, told);
  const named = await login({ preferred_username: "annie" });
  assertEquals(named.result === "web" && named.user, "annie");
});
