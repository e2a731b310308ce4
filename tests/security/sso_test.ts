/** Attacks on single sign-on around the provider: other people's logins, other addresses, other sites. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { newAnswerSecret } from "../../src/api/sso_answer.ts";
import { Daemon } from "../kit/cluster.ts";
import { write } from "../kit/sso/cluster_login.ts";
import { GithubServer } from "../kit/sso/github_server.ts";
import { WalkingBrowser } from "../kit/sso/walking_browser.ts";

const TEAMS = [{ organization: "octocats", team: "admins", logins: ["root"] }];
const KEY = btoa("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ x");

/** A cluster with a GitHub connector; the rate of logins is that of one network, so each test has its own. */
async function setUp() {
  const github = await GithubServer.start();
  const daemon = await Daemon.start({ auth: { authentication: { type: "github" } } });
  const proxy = await daemon.webAddress();
  const origin = `https://${proxy}`;
  await write(daemon, github.connector(proxy, TEAMS));
  github.account = { login: "mallory", id: 666, teams: ["octocats/admins"] };
  return {
    origin,
    begin: `${origin}/v1/webapi/github/login/web?connector_id=github`,
    isCallback: (next: string) => next.startsWith(`${origin}/v1/webapi/github/callback`),
    hasSession: (browser: WalkingBrowser) => browser.cookiesOf(origin).has("__Host-session"),
    async [Symbol.asyncDispose]() {
      await daemon.stop();
      await github[Symbol.asyncDispose]();
    },
  };
}

Deno.test("single sign-on: other people's logins and codes open nothing in this browser", async (t) => {
  await using setting = await setUp();
  const { origin, begin, isCallback, hasSession } = setting;

  await t.step("a link with somebody else's finished login signs nobody in (login CSRF)", async () => {
    const mallory = new WalkingBrowser();
    const { url } = await mallory.go(begin, { until: isCallback });
    const busy = new WalkingBrowser();
    await busy.go(begin, { until: isCallback }); // has a login of its own under way
    for (const victim of [new WalkingBrowser(), busy]) {
      const last = await victim.go(url);
      assertStringIncludes(last.url, "why=expired");
      assertEquals(hasSession(victim), false);
    }
    const late = await mallory.go(url);
    assertStringIncludes(late.url, "why=expired", "and it is used up");
  });

  await t.step(
    "a code of one login does not fit another: the state of the victim, the code of the attacker",
    async () => {
      const [mallory, victim] = [new WalkingBrowser(), new WalkingBrowser()];
      const theirs = new URL((await mallory.go(begin, { until: isCallback })).url);
      const own = new URL((await victim.go(begin, { until: isCallback })).url);
      own.searchParams.set("code", theirs.searchParams.get("code") ?? "");
      const last = await victim.go(own.href);
      assertStringIncludes(last.url, "why=invalid");
      assertEquals(hasSession(victim), false);
    },
  );

  await t.step("a callback is of use once", async () => {
    const browser = new WalkingBrowser();
    const { url } = await browser.go(begin, { until: isCallback });
    assertEquals((await browser.go(url)).status, 200);
    assert(hasSession(browser));
    const replay = new WalkingBrowser();
    replay.cookies.set(
      origin,
      new Map([...browser.cookiesOf(origin)].filter(([name]) => name !== "__Host-session")),
    );
    assertStringIncludes((await replay.go(url)).url, "why=expired");
    assertEquals(hasSession(replay), false);
  });

  await t.step(
    "the binding cookie cannot be read by scripts, set by others or sent in the clear",
    async () => {
      const { headers } = await new WalkingBrowser().ask(begin);
      const cookie = [headers["set-cookie"] ?? []].flat().find((line) => line.startsWith("__Host-sso=")) ??
        "";
      for (
        const part of ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=600"]
      ) assertStringIncludes(cookie, part);
      assert(!/domain=/i.test(cookie));
      const saml = await new WalkingBrowser().ask(`${origin}/v1/webapi/saml/sso`);
      const line =
        [saml.headers["set-cookie"] ?? []].flat().find((each) => each.startsWith("__Host-sso-form=")) ?? "";
      for (const part of ["HttpOnly", "Secure", "SameSite=None"]) assertStringIncludes(line, part);
    },
  );
});

Deno.test("single sign-on: a login in the browser leads to our own pages", async (t) => {
  await using setting = await setUp();
  const { origin, begin, hasSession } = setting;

  await t.step("a login leads to our own pages only (open redirect)", async () => {
    const places = [
      ...["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/web/../../evil"],
      ...[
        "/web//evil.example",
        "/web\\evil",
        "/webx",
        "javascript:alert(1)",
        "/web/\r\nSet-Cookie: a=b",
        "/login",
      ],
      ...[`/web/${"x".repeat(2000)}`, "", "http:/web", "/%2f%2fevil.example"],
    ];
    for (const place of places) {
      const browser = new WalkingBrowser();
      const last = await browser.go(`${begin}&redirect_url=${encodeURIComponent(place)}`);
      const { origin: at, pathname } = new URL(last.url);
      assertEquals([at, pathname.startsWith("/web") || pathname === "/evil"], [origin, true], place);
      assert(hasSession(browser));
    }
  });
});

Deno.test("single sign-on: a terminal's answer is sealed and goes to a loopback address", async (t) => {
  await using setting = await setUp();
  const { origin, hasSession } = setting;

  await t.step("a terminal's answer goes to a loopback address and nowhere else", async () => {
    const ask = async (redirect_url: unknown, more: Record<string, unknown> = {}) => {
      const body = {
        connector_id: "github",
        redirect_url,
        secret: newAnswerSecret(),
        public_key: KEY,
        ...more,
      };
      const response = await post(`${origin}/v1/webapi/github/login/console`, JSON.stringify(body));
      return response.status;
    };
    assertEquals(await ask("http://127.0.0.1:4000/abc"), 200);
    const wrong = [
      ...[
        "http://127.0.0.1.evil.example:80/",
        "http://evil.example:80/",
        "https://127.0.0.1:80/",
        "http://127.0.0.1/",
      ],
      ...[
        "http://127.0.0.1:80@evil.example/",
        "http://evil.example#@127.0.0.1:80/",
        "http://127.0.0.1:80/?x=y",
      ],
      ...[
        "http://127.0.0.2:80/",
        "http://[::1]@evil.example:1/",
        "http://0x7f000001:80/",
        "http://127.1:80/",
      ],
      ...[
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "file:///etc/passwd",
        "",
        "http://127.0.0.1:80/a/b",
      ],
      "http://127.0.0.1:80/\nx",
    ];
    for (const address of wrong) assertEquals(await ask(address), 400, address);
    assertEquals(await ask("http://127.0.0.1:80/", { secret: "short" }), 400);
    assertEquals(await ask("http://127.0.0.1:80/", { public_key: "" }), 400);
    assertEquals(await ask("http://127.0.0.1:80/", { connector_id: "other" }), 404);
    assertEquals(await ask(["http://127.0.0.1:80/"]), 400);
  });

  await t.step("the answer of a terminal's login is sealed, and no session of the browser", async () => {
    const body = { redirect_url: "http://127.0.0.1:4000/abc", secret: newAnswerSecret(), public_key: KEY };
    const { text } = await post(`${origin}/v1/webapi/github/login/console`, JSON.stringify(body));
    const browser = new WalkingBrowser();
    const last = await browser.go(JSON.parse(text).redirect_url, {
      until: (next) => next.startsWith("http://127.0.0.1"),
    });
    assert(last.url.startsWith("http://127.0.0.1:4000/abc?response="));
    const sealed = atob(
      new URL(last.url).searchParams.get("response")?.replaceAll("-", "+").replaceAll("_", "/") ?? "",
    );
    assert(!sealed.includes("mallory") && !sealed.includes("ssh-ed25519"));
    assertEquals(hasSession(browser), false);
  });
});

Deno.test("single sign-on: forms of other sites go to one address, the failure page has fixed texts, rubbish is no fault, logins are bounded", async (t) => {
  await using setting = await setUp();
  const { origin, begin } = setting;

  await t.step(
    "only the address for SAML answers takes forms of other sites, and no more than it needs",
    async () => {
      const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
      const form = { SAMLResponse: "x", RelayState: "y" };
      const acs = await new WalkingBrowser().ask(`${origin}/v1/webapi/saml/acs`, form, foreign);
      assertEquals(acs.headers.location, "/web/msg/error/login_failed?why=expired");
      for (const path of ["/v1/webapi/sessions", "/v1/webapi/github/login/console", "/v1/webapi/saml/acs/"]) {
        assertEquals((await new WalkingBrowser().ask(`${origin}${path}`, form, foreign)).status, 403, path);
      }
      const large = { ...form, SAMLResponse: "A".repeat(300_000) };
      // It is answered before it is read; whoever goes on sending may find the connection closed instead.
      const tooMuch = await new WalkingBrowser().ask(`${origin}/v1/webapi/saml/acs`, large, foreign)
        .then(({ status }) => status, (error: Error) => error.message);
      assertMatch(String(tooMuch), /^413$|EPIPE|ECONNRESET|socket hang up/);
      const asLink = await new WalkingBrowser().ask(
        `${origin}/v1/webapi/saml/acs?SAMLResponse=x&RelayState=y`,
      );
      assertEquals(asLink.status, 404);
    },
  );

  await t.step("the failure page says one of its own texts, whatever the link says", async () => {
    for (const why of ["<script>alert(1)</script>", "constructor", "__proto__", "", "Call 0900 to sign in"]) {
      const page = await new WalkingBrowser().ask(
        `${origin}/web/msg/error/login_failed?why=${encodeURIComponent(why)}&message=${
          encodeURIComponent(why)
        }`,
      );
      assertEquals(page.status, 403);
      if (why !== "") assert(!page.text.includes(why), why);
      assertStringIncludes(page.text, "was not accepted");
      assertStringIncludes(String(page.headers["content-security-policy"]), "default-src 'none'");
    }
  });

  await t.step(
    "rubbish at the callbacks is refused and no fault of ours; logins at once are bounded",
    async () => {
      const rubbish = [
        "",
        "?state=x",
        "?state=%00&code=%00",
        `?state=${"x".repeat(43)}&code=y`,
        "?state[]=a&state=b",
      ];
      for (const kind of ["github", "oidc"]) {
        for (const query of rubbish) {
          const { status, headers } = await new WalkingBrowser().ask(
            `${origin}/v1/webapi/${kind}/callback${query}`,
          );
          assertEquals([status, headers.location], [303, "/web/msg/error/login_failed?why=expired"], query);
        }
      }
      const answers = await Promise.all(Array.from({ length: 80 }, () => new WalkingBrowser().ask(begin)));
      assert(answers.some(({ status }) => status === 429), "the rate of one network is limited");
      assert(answers.every(({ status }) => status === 429 || status === 302));
    },
  );
});

async function post(url: string, body: string): Promise<{ status: number; text: string }> {
  const { httpCall } = await import("../../src/base/https_call.ts");
  const { hostname, port, pathname } = new URL(url);
  return await httpCall({
    host: hostname,
    port: Number(port),
    tls: true,
    insecure: true,
    method: "POST",
    path: pathname,
    headers: { "content-type": "application/json" },
    body,
    timeoutMs: 20_000,
    maxBody: 1024 * 1024,
  });
}
