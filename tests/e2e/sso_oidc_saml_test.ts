import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LoggingProxy } from "../kit/connect_proxy.ts";
import { Terminal, write } from "../kit/sso/cluster_login.ts";
import { OidcServer } from "../kit/sso/oidc_server.ts";
import { SamlIdp } from "../kit/sso/saml_idp.ts";
import { type Seen, WalkingBrowser } from "../kit/sso/walking_browser.ts";

const LOGIN = Deno.env.get("USER") ?? "root";
const OPS = {
  kind: "role",
  version: "v3",
  metadata: { name: "ops" },
  spec: { allow: { logins: [LOGIN, "{{external.unix}}"], node_labels: { "*": "*" } } },
};

Deno.test("OIDC against a certified provider, and SAML against a provider that signs: tsh and browser", async (t) => {
  await using daemon = await Daemon.start({
    auth: { authentication: { type: "oidc", connector_name: "corp" } },
  });
  const proxy = await daemon.webAddress();
  const origin = `https://${proxy}`;
  await using oidc = await OidcServer.start(proxy, {
    ann: { email: "ann@example.com", email_verified: true, groups: ["staff", "admins"] },
    bob: { email: "bob@example.com", email_verified: true, groups: ["staff"] },
    eve: { email: "ann@example.com", email_verified: false, groups: ["admins"] },
    mia: { email: "ann@example.com", email_verified: true, groups: ["admins"] },
  });
  const idp = await SamlIdp.make();

  await t.step("connectors are written; what is wrong with one is said by field", async () => {
    await write(daemon, OPS, oidc.connector(proxy));
    const wrong: [object, RegExp][] = [
      [
        oidc.connector(proxy, { issuer_url: "http://idp.example" }),
        /spec\.issuer_url: expected an address that begins/,
      ],
      [
        oidc.connector(proxy, { redirect_url: "https://x/y" }),
        /spec\.redirect_url: expected https:\/\/<proxy>\/v1/,
      ],
      [oidc.connector(proxy, { provider: "okta" }), /spec\.provider: expected adfs or netiq/],
      [
        oidc.connector(proxy, { claims_to_roles: [{ claim: "a", value: "b", roles: ["nope"] }] }),
        /no role "nope"/,
      ],
      [
        oidc.connector(proxy, { claims_to_roles: [{ claim: "a", value: "^(a+)+$", roles: ["ops"] }] }),
        /repeats a repet/,
      ],
      [saml(proxy, "<a/>"), /spec\.entity_descriptor: the metadata describe 0/],
      [saml(proxy, "<!DOCTYPE a><a/>"), /spec\.entity_descriptor: the XML has a document type/],
    ];
    for (const [document, message] of wrong) {
      const path = `${daemon.directory}/wrong.json`;
      await Deno.writeTextFile(path, JSON.stringify(document));
      const { code, stderr } = await daemon.tctl("create", "-f", path);
      assertEquals(code, 1);
      assertMatch(stderr, message);
    }
  });

  await t.step("OIDC: a claim of the userinfo endpoint maps to a role; tsh gets a certificate", async () => {
    const terminal = await Terminal.at(daemon, "ann");
    const { result, last } = await terminal.login([], { fill: oidc.person("ann") });
    assertEquals(result.code, 0, result.stderr);
    assertStringIncludes(last?.text ?? "", "You are signed in");
    const certificate = await terminal.certificate("ann@example.com");
    assertEquals([certificate.keyId, certificate.principals], ["ann@example.com", [LOGIN]]);
    const ran = await terminal.tsh(["ssh", `${LOGIN}@alpha`, "echo", "in-by-oidc"], () => Promise.resolve());
    assertEquals(ran.stdout, "in-by-oidc\n", ran.stderr);
    assertEquals((await daemon.event("user.login", ({ success }) => success === true)).method, "oidc");
  });

  await t.step(
    "OIDC: no mapped claim, an unverified address, another subject of the same name: denied",
    async () => {
      const terminal = await Terminal.at(daemon, "others");
      const cases: [string, RegExp][] = [
        ["bob", /nothing it says of you gives access/],
        ["eve", /cannot be a user name here/],
        ["mia", /not yours at this identity provider/],
      ];
      for (const [account, message] of cases) {
        const { result } = await terminal.login([], { fill: oidc.person(account) });
        assertEquals(result.code, 1, account);
        assertMatch(result.stderr, message);
      }
    },
  );

  await t.step("OIDC: in a browser the login opens a session", async () => {
    const browser = new WalkingBrowser();
    const last = await browser.go(`${origin}/v1/webapi/oidc/login/web`, { fill: oidc.person("ann") });
    assertEquals([last.status, last.url], [200, `${origin}/web`]);
    assert(browser.cookiesOf(origin).has("__Host-session"));
  });

  await t.step(
    "SAML: a key for requests is made, and shown as metadata without its secret half",
    async () => {
      await write(daemon, saml(proxy, idp.metadata("https://127.0.0.1:1/sso")));
      const shown = await daemon.tctlOk("get", "saml/okta");
      assert(shown.includes("BEGIN CERTIFICATE") && !shown.includes("PRIVATE KEY"), shown);
      const { text, status } = await new WalkingBrowser().ask(`${origin}/v1/webapi/saml/metadata/okta`);
      assertEquals(status, 200);
      assertStringIncludes(text, `Location="https://${proxy}/v1/webapi/saml/acs"`);
      // An edit without the key keeps it: the provider knows its certificate.
      const cert = /<ds:X509Certificate>([^<]*)/.exec(text)?.[1] ?? "";
      await write(daemon, saml(proxy, idp.metadata("https://127.0.0.1:1/sso2")));
      const after = (await new WalkingBrowser().ask(`${origin}/v1/webapi/saml/metadata/okta`)).text;
      assertStringIncludes(after, cert);
    },
  );

  /** Goes to the provider, where a person with these groups answers; the form is sent from another site. */
  const bySaml = (groups: string[], browser: WalkingBrowser) => async (begin: string): Promise<Seen> => {
    const sent = await browser.go(begin, { until: (next) => next.startsWith("https://127.0.0.1:1/") });
    const address = sent.url;
    const request = idp.understand(address);
    const said = idp.said(request, { groups, attributes: { unix: ["joe"] } });
    const form = { SAMLResponse: idp.answer(said), RelayState: request.relayState };
    const headers = { origin: "https://idp.example", "sec-fetch-site": "cross-site" };
    const answered = await browser.ask(request.acs, form, headers);
    return await browser.go(new URL(String(answered.headers.location), request.acs).href);
  };

  await t.step("SAML: tsh --auth=okta gets a certificate with the mapped roles and traits", async () => {
    const terminal = await Terminal.at(daemon, "saml");
    const browser = new WalkingBrowser();
    const result = await terminal.tsh(["login", "--browser=none", "--auth=okta"], async (address) => {
      const request = idp.understand(address);
      const said = idp.said(request, { attributes: { unix: ["joe"] } });
      const form = { SAMLResponse: idp.answer(said), RelayState: request.relayState };
      await browser.go(request.acs, { form });
    });
    assertEquals(result.code, 0, result.stderr);
    const { principals } = await terminal.certificate("joe@example.com");
    assertEquals([...principals].toSorted(), [LOGIN, "joe"].toSorted());
  });

  await t.step(
    "SAML: a form of another site opens a session where the login began there, and nowhere else",
    async () => {
      const begin = `${origin}/v1/webapi/saml/sso?connector_id=okta&redirect_url=/web/nodes`;
      const browser = new WalkingBrowser();
      const last = await bySaml(["okta-admin"], browser)(begin);
      assertEquals([last.status, last.url], [200, `${origin}/web/nodes`]);
      assert(browser.cookiesOf(origin).has("__Host-session"));
      const other = new WalkingBrowser();
      const refused = await bySaml(["nobody"], other)(begin);
      assertStringIncludes(refused.url, "why=unmapped");
      assertEquals(other.cookiesOf(origin).has("__Host-session"), false);
      assertEquals(
        (await daemon.event("user.login", ({ method, success }) => method === "saml" && success === true))
          .user,
        "joe@example.com",
      );
    },
  );
});

Deno.test("calls to identity providers go through the proxy of the environment", async () => {
  await using through = await LoggingProxy.start();
  await using daemon = await Daemon.start({
    auth: { authentication: { type: "oidc" } },
    env: { HTTPS_PROXY: through.url },
  });
  const proxy = await daemon.webAddress();
  await using oidc = await OidcServer.start(proxy, { ann: { email: "ann@example.com", groups: ["admins"] } });
  await write(daemon, OPS, oidc.connector(proxy));
  const browser = new WalkingBrowser();
  const last = await browser.go(`https://${proxy}/v1/webapi/oidc/login/web`, { fill: oidc.person("ann") });
  assertEquals(last.status, 200);
  const { host } = new URL(oidc.issuer);
  assert(through.asked.includes(host), through.asked.join());
});

function saml(proxy: string, metadata: string) {
  return {
    kind: "saml",
    version: "v2",
    metadata: { name: "okta" },
    spec: {
      acs: `https://${proxy}/v1/webapi/saml/acs`,
      display: "Okta",
      entity_descriptor: metadata,
      attributes_to_roles: [{ name: "groups", value: "okta-*", roles: ["ops"] }],
    },
  };
}
