import { assertEquals, assertRejects } from "@std/assert";
import { HostileOidc } from "../../../../tests/kit/sso/hostile_oidc.ts";
import { BROWSER, writeDocument } from "../../../../tests/kit/sso/auth_with_saml.ts";
import { newAnswerSecret } from "../../../api/sso_answer.ts";
import { AppError } from "../../../base/errors.ts";
import { MINUTE } from "../../../base/duration.ts";
import { SSO } from "../../../model/sso.ts";
import { generateKey } from "../../../ssh/private_key.ts";
import { authHandlers } from "../../handlers.ts";
import type { CallContext } from "../../../api/serve.ts";

const PROXY = {
  identity: { kind: "host", role: "proxy", hostId: crypto.randomUUID(), cluster: "test.example.com" },
  address: "10.0.0.1",
} as unknown as CallContext;

const GITHUB = {
  kind: "github",
  version: "v3",
  metadata: { name: "github" },
  spec: {
    client_id: "a",
    client_secret: "b",
    redirect_url: "https://gw.example.com/v1/webapi/github/callback",
    teams_to_logins: [{ organization: "o", team: "t", logins: ["root"] }],
  },
};

/** A login of ann that was proven. */
async function proven(oidc: HostileOidc) {
  const finished = await oidc.attempt((nonce) => oidc.token(oidc.claims(nonce)));
  if (finished.result !== "web") throw new Error(JSON.stringify(finished));
  return finished;
}

Deno.test("auth itself takes no place beyond our pages, no terminal beyond this machine, no secret that is none", async () => {
  await using oidc = await HostileOidc.open();
  const begin = (purpose: Parameters<typeof oidc.auth.sso.begin>[2]) =>
    assertRejects(() => oidc.auth.sso.begin("oidc", "corp", purpose, "10.1.1.1"), AppError);
  for (const returnTo of ["https://evil.example", "//evil.example", "/web\\x", "/web/\n", "/login"]) {
    assertEquals((await begin({ for: "web", browser: BROWSER, returnTo })).code, "bad_input", returnTo);
  }
  const terminal = {
    for: "console",
    publicKey: "k",
    callback: "http://127.0.0.1:80/x",
    secret: newAnswerSecret(),
  } as const;
  assertEquals((await begin({ ...terminal, callback: "http://10.0.0.1:80/x" })).code, "bad_input");
  assertEquals((await begin({ ...terminal, secret: "x" })).code, "bad_input");
  assertEquals(oidc.calls.length, 0);
});

Deno.test("a proven login opens one session, within a minute, for the user it was proven for", async () => {
  await using oidc = await HostileOidc.open();
  const handlers = authHandlers(oidc.auth);
  const claim = (user: string, claim: string) => {
    const publicKey = generateKey().publicKey.toLine();
    const session = { address: "10.1.1.1", id: "0".repeat(64), publicKey, sealedKey: "s" };
    return handlers["sso.claim"]({ user, claim, ...session }, PROXY);
  };
  const first = await proven(oidc);
  const session = await claim(first.user, first.claim);
  assertEquals(session.user, "ann@example.com");
  await assertRejects(() => claim(first.user, first.claim), AppError, "used already");
  const second = await proven(oidc);
  await oidc.auth.users.create({
    name: "bob",
    roles: ["admin"],
    traits: { logins: ["bob"] },
    created: 1,
    createdBy: "x",
  });
  await assertRejects(() => claim("bob", second.claim), AppError, "used already");
  const third = await proven(oidc);
  await oidc.clock.advance(SSO.claimTtl + 1);
  await assertRejects(() => claim(third.user, third.claim), AppError, "took too long");
  const fourth = await proven(oidc);
  await oidc.auth.users.change(fourth.user, (user) => ({ ...user, lock: { message: "", since: 0 } }));
  await assertRejects(() => claim(fourth.user, fourth.claim), AppError);
});

Deno.test("a login that was begun with the connector as it was before is begun anew", async () => {
  await using oidc = await HostileOidc.open();
  const { state } = await oidc.begin();
  await oidc.connector({ display: "Renamed" });
  assertEquals(await oidc.finish({ state, code: "c" }), { result: "failed", why: "expired" });
  const again = await oidc.begin();
  await oidc.auth.resources.remove("oidc", "corp");
  assertEquals(await oidc.finish({ state: again.state, code: "c" }), { result: "failed", why: "expired" });
});

Deno.test("logins that are begun and never finished are bounded, and make room in time", async () => {
  await using oidc = await HostileOidc.open();
  await writeDocument(oidc.auth, GITHUB);
  const purpose = { for: "web", browser: BROWSER, returnTo: "/web" } as const;
  const begin = () => oidc.auth.sso.begin("github", undefined, purpose, "10.1.1.1");
  for (let i = 0; i < SSO.maxWaiting; i++) await begin();
  assertEquals((await assertRejects(begin, AppError)).code, "limit");
  await oidc.clock.advance(10 * MINUTE + 1);
  await begin();
});

Deno.test("a user's record ends with the longest of the logins, which roles may shorten; taken roles are gone at once", async () => {
  await using oidc = await HostileOidc.open();
  const { user: name } = await proven(oidc);
  const first = await oidc.auth.users.get(name);
  await oidc.clock.advance(60 * MINUTE);
  await writeDocument(oidc.auth, {
    kind: "role",
    version: "v3",
    metadata: { name: "short" },
    spec: { options: { max_session_ttl: "1h" }, allow: { logins: ["x"] } },
  });
  await oidc.connector({
    claims_to_roles: [{ claim: "groups", value: "admins", roles: ["short", "gone$1"] }],
  });
  await proven(oidc);
  const second = await oidc.auth.users.get(name);
  assertEquals([second?.roles, second?.expires, second?.created], [
    ["short"],
    first?.expires,
    first?.created,
  ]);
  await oidc.auth.users.change(name, (user) => ({ ...user, expires: oidc.clock.now() + MINUTE }));
  await proven(oidc);
  assertEquals((await oidc.auth.users.get(name))?.expires, oidc.clock.now() + 60 * MINUTE);
});
