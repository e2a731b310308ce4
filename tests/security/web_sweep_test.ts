/**
 * Every path of the web front, as the application itself lists them, with every method and everything that must not
 * open it: no cookie, somebody else's cookie or bearer, no CSRF token, another site's origin, a session that is over.
 * What may be called by anybody stands in a list here that is reviewed by hand.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { webApp } from "../../src/proxy/web/app.ts";
import { PING } from "../../src/proxy/web/fake_gateway.ts";
import { FakeGateway } from "../../src/proxy/web/fake_gateway.ts";
import {
  formatSessionCookie,
  newSessionCookie,
  parseSessionCookie,
  sessionKeys,
} from "../../src/proxy/web/session_secret.ts";
import { BEARER_TTL, makeBearer } from "../../src/proxy/web/session_tokens.ts";
import { WebInterface, type WebInterfaceOptions } from "../../src/proxy/web/web_interface.ts";
import { FakeClock } from "../kit/clock.ts";
import { Daemon } from "../kit/cluster.ts";
import { type WebAnswer, WebBrowser } from "../kit/web_browser.ts";
import { RefusedUpgrade, WebTerminalClient } from "../kit/web_terminal.ts";

const LOGIN = Deno.env.get("USER") ?? "root";
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/** What anybody may call, and why. Everything else takes a web session. */
const PUBLIC: Record<string, string> = {
  "GET /webapi/ping": "clients and balancers ask it before a login",
  "POST /webapi/ssh/certs": "the login of tsh: password and code",
  "GET /webapi/users/invites/:token": "the invitation is the secret",
  "POST /webapi/users": "the invitation is the secret",
  "POST /webapi/sessions": "the login of the pages: password and code",
  "POST /webapi/u2f/signrequest": "begins a login with a security key, and looks the same for unknown users",
  "POST /webapi/u2f/sessions": "the login of the pages: password and second factor",
  "POST /webapi/u2f/certs": "the login of tsh: password and second factor",
  "GET /webapi/u2f/signuptokens/:token": "the invitation is the secret",
  "POST /webapi/u2f/users": "the invitation is the secret",
  "GET /.well-known/webauthn": "the public list of facets",
  "GET /webapi/ping/:connector": "as the plain one",
  "GET /webapi/github/login/web": "begins a login",
  "GET /webapi/oidc/login/web": "begins a login",
  "GET /webapi/saml/sso": "begins a login",
  "POST /webapi/github/login/console": "begins a login of tsh",
  "POST /webapi/oidc/login/console": "begins a login of tsh",
  "POST /webapi/saml/login/console": "begins a login of tsh",
  "GET /webapi/github/callback": "the provider's code is the secret, in the browser the login began in",
  "GET /webapi/oidc/callback": "the provider's code is the secret, in the browser the login began in",
  "POST /webapi/saml/acs": "the signed assertion is the secret, in the browser the login began in",
  "GET /webapi/saml/metadata/:connector": "what providers' administrators need; no secret in it",
  "GET /web/msg/info/login_success": "a page without anything in it",
  "GET /web/msg/error/login_failed": "one of some fixed texts",
  "GET /": "a page without anything in it",
  "GET /web": "a page without anything in it",
  "GET /web/*": "a page without anything in it",
  "GET /web/newuser/:token": "the invitation is the secret",
  "POST /web/newuser/:token": "the invitation is the secret",
};
const isPublic = (route: Route) =>
  route.path.startsWith("/web/assets/") || `${route.method} ${plain(route.path)}` in PUBLIC;
const plain = (path: string) => path.replace(/^\/v1/, "");

/** Those that take no bearer, since they give it, or sign out, or take it in the first message. */
const WITHOUT_BEARER = new Set([
  "POST /webapi/sessions/renew",
  "DELETE /webapi/sessions",
  "GET /webapi/sites/:site/connect",
  "GET /webapi/sites/:site/namespaces/default/connect",
]);

interface Route {
  method: string;
  path: string;
}

/** The application's own list. Nothing of it is called here. */
function routes(): Route[] {
  const clock = new FakeClock();
  const nothing = new Proxy({}, { get: () => () => undefined });
  const options = { ...nothing, clock, router: nothing, ping: () => PING } as unknown as WebInterfaceOptions;
  const signedIn = new WebInterface(options);
  const app = webApp({
    gateway: new FakeGateway(),
    signedIn,
    clock,
    ping: () => PING,
    publicHost: "x:1",
    tls: true,
    ui: { index: "", files: {} },
  });
  signedIn.stop();
  const listed = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) =>
    `${method} ${path}`
  );
  return [...new Set(listed)].map((line) => {
    const [method = "", path = ""] = line.split(" ");
    return { method, path };
  });
}

Deno.test("the list of what anybody may call has no entry that is not there", () => {
  const there = new Set(routes().map(({ method, path }) => `${method} ${plain(path)}`));
  for (const entry of [...Object.keys(PUBLIC), ...WITHOUT_BEARER]) assert(there.has(entry), entry);
  assert(routes().filter((route) => !isPublic(route)).length > 50);
});

Deno.test("nothing of the web front answers who must not have it", async (t) => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  const browser = await WebBrowser.signedIn(daemon, joe);
  const mallory = await WebBrowser.signedIn(daemon, await daemon.user("mallory"));
  const left = await WebBrowser.signedIn(daemon, joe);
  const after = copy(left);
  assertEquals((await left.ask("DELETE", "/v1/webapi/sessions")).status, 200);
  const node = (await browser.ask("GET", "/v1/webapi/sites/-current-/nodes")).json.items[0].id;
  const fill = (path: string) =>
    path.replace(":site", "-current-").replace(":sid", crypto.randomUUID()).replace(":node", node)
      .replace(":login", LOGIN).replace(":method", "cluster.get").replace(":token", "x").replace("*", "x");
  const all = routes();
  const closed = all.filter((route) => !isPublic(route));
  const csrf = browser.cookies.get("__Host-csrf") ?? "";
  const own = `https://127.0.0.1:${browser.port}`;

  /** Sends what a page of ours would, changed. */
  const send = (from: WebBrowser, { method, path }: Route, headers: Record<string, string> = {}) =>
    from.ask(method, fill(path), { body: method === "GET" || method === "HEAD" ? undefined : {}, headers });

  await t.step(
    "with all that it takes, each path is there: the refusals below are not for want of a path",
    async () => {
      for (const route of closed) {
        if (`${route.method} ${plain(route.path)}` === "DELETE /webapi/sessions") continue;
        if (/\/events\/follow$/.test(route.path)) continue; // goes on for ever; below
        const { status } = await send(browser, route);
        assert(status !== 401 && status < 500, `${route.method} ${route.path}: ${status}`);
      }
    },
  );

  await t.step("rubbish from who is signed in is refused, and never a fault of ours", async () => {
    const queries = [
      "?offset=-1&bytes=x&after=1.5&from=x&to=x&limit=x&format=x&path=%00",
      "?path=//%ff&type=,,&search=%00&user=%0a",
    ];
    const bodies = ["[]", "null", `"x"`, "{", `{"path":"//[bad"}`, `{"__proto__":1}`, "x".repeat(70_000)];
    for (const route of closed) {
      if (/\/sessions(\/renew)?$/.test(route.path) || /\/follow$/.test(route.path)) continue;
      const asks = route.method === "GET"
        ? queries.map((query) => ({ query, body: undefined }))
        : bodies.map((text) => ({ query: "?path=%00", body: new TextEncoder().encode(text) }));
      for (const { query, body } of asks) {
        const answer = await browser.ask(route.method, `${fill(route.path)}${query}`, { body });
        assert(answer.status < 500, `${route.method} ${route.path}${query}: ${answer.status} ${answer.text}`);
      }
    }
  });

  const refusals: [string, (route: Route) => Promise<WebAnswer>, number[]][] = [
    ["no cookie", (route) => send(withCookies(browser, { "__Host-csrf": csrf }), route), [401]],
    [
      "no cookie and no bearer",
      (route) => send(without(withCookies(browser, { "__Host-csrf": csrf })), route),
      [401],
    ],
    ["nothing at all", (route) => send(new WebBrowser(browser.port), route), [401, 403]],
    ["a session that is over", (route) => send(after, route), [401]],
    ["a cookie of nobody's making", (route) =>
      send(
        withCookies(browser, {
          "__Host-csrf": csrf,
          "__Host-session": formatSessionCookie(newSessionCookie("joe")),
        }),
        route,
      ), [401, 429]],
    ["a cookie with another user's name", (route) => {
      const cookie = parseSessionCookie(browser.cookies.get("__Host-session") ?? "");
      assert(cookie);
      const renamed = formatSessionCookie({ ...cookie, user: "mallory" });
      return send(withCookies(browser, { "__Host-csrf": csrf, "__Host-session": renamed }), route);
    }, [401, 429]],
    ["another site's origin", (route) => send(browser, route, { origin: "https://evil.example" }), [403]],
    ["no site's origin", (route) => send(browser, route, { origin: "null" }), [403]],
  ];
  for (const [what, ask, expected] of refusals) {
    await t.step(`refused: ${what}`, async () => {
      for (const route of closed) {
        const answer = await ask(route);
        assert(
          expected.includes(answer.status),
          `${route.method} ${route.path}: ${answer.status} ${answer.text}`,
        );
        checkHeaders(answer);
      }
    });
  }

  const bearers: [string, string | undefined][] = [
    ["no bearer", undefined],
    ["another user's bearer", mallory.bearer],
    ["a bearer that has expired", expired(browser)],
    ["a bearer of nobody's making", `${"0".repeat(12)}.${Date.now() + 60_000}.${"A".repeat(43)}`],
  ];
  for (const [what, bearer] of bearers) {
    await t.step(`refused: the cookie with ${what}`, async () => {
      for (const route of closed) {
        if (WITHOUT_BEARER.has(`${route.method} ${plain(route.path)}`)) continue;
        const other = copy(browser);
        other.bearer = bearer;
        const answer = await send(other, route);
        assertEquals(answer.status, 401, `${route.method} ${route.path}`);
      }
    });
  }

  await t.step("refused: a change without the CSRF token, or with another", async () => {
    for (const route of [...closed, { method: "POST", path: "/v1/webapi/sessions" }]) {
      if (route.method === "GET") continue;
      const wrong: Record<string, string>[] = [
        { "x-csrf-token": "" },
        { "x-csrf-token": "A".repeat(43) },
        { "x-csrf-token": csrf, cookie: `__Host-session=${browser.cookies.get("__Host-session")}` },
        { "x-csrf-token": "", cookie: `${browser.cookieLine.replace(csrf, "")}` },
      ];
      for (const headers of wrong) {
        const { status } = await send(browser, route, headers);
        assertEquals(status, 403, `${route.method} ${route.path} ${JSON.stringify(headers)}`);
      }
    }
  });

  await t.step("methods that a path does not have find nothing", async () => {
    for (const path of new Set(closed.map(({ path }) => path))) {
      for (const method of METHODS) {
        const there = all.some((route) => route.path === path && route.method === method);
        if (
          there || method === "HEAD" && closed.some((route) => route.path === path && route.method === "GET")
        ) continue;
        const { status } = await send(browser, { method, path });
        assertEquals(status, 404, `${method} ${path}`);
      }
    }
  });

  await t.step(
    "a WebSocket takes the cookie, our own origin and the bearer of the same session",
    async () => {
      const refused = async (from: WebBrowser, headers: Record<string, string>, status: number) => {
        const error = await assertRejects(
          () => WebTerminalClient.open(from, node, LOGIN, { headers }),
          RefusedUpgrade,
        );
        assertEquals(error.status, status);
      };
      await refused(new WebBrowser(browser.port), {}, 401);
      await refused(after, {}, 401);
      await refused(browser, { origin: "https://evil.example" }, 403);
      await refused(browser, { origin: `http://127.0.0.1:${browser.port}` }, 403);
      await refused(browser, { origin: "null" }, 403);
      const noOrigin = await browser.ask("GET", "/v1/webapi/sites/-current-/connect", {
        headers: {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": btoa("0123456789abcdef"),
        },
      });
      assertEquals(noOrigin.status, 403);
      for (const token of [mallory.bearer ?? "", expired(browser), ""]) {
        const terminal = await WebTerminalClient.open(browser, node, LOGIN, { open: { token } });
        assertEquals(await terminal.closed(), 4401);
        assertEquals(terminal.bytes, 0);
      }
      const silent = await WebTerminalClient.open(browser, node, LOGIN, { silent: true });
      silent.send({ type: "ping", id: 1 });
      assertEquals(await silent.closed(), 4400, "the first message opens the terminal");
      const hasty = await WebTerminalClient.open(browser, node, LOGIN, { silent: true });
      hasty.type("typed before");
      assertEquals(await hasty.closed(), 4400);
      const mute = await WebTerminalClient.open(browser, node, LOGIN, { silent: true });
      assertEquals(await mute.closed(), 4400, "within seconds");
      const good = await WebTerminalClient.open(browser, node, LOGIN, { headers: { origin: own } });
      await good.notice("ready");
      await good.close();
      const plainRequest = await browser.ask("GET", "/v1/webapi/sites/-current-/connect", {
        headers: { origin: own },
      });
      assertEquals(plainRequest.status, 426);
    },
  );

  await t.step("an upgrade of any other path is answered like a request, and closed", async () => {
    const answer = await browser.ask("GET", "/v1/webapi/user/status", {
      headers: { connection: "Upgrade", upgrade: "h2c" },
      withoutBearer: true,
    });
    assertEquals([answer.status, answer.headers.connection], [401, "close"]);
    checkHeaders(answer);
  });

  await t.step("calls that the pages do not need are not passed on, whoever asks", async () => {
    for (
      const method of [
        "web_sessions.create",
        "web_sessions.get",
        "sso.begin",
        "sso.finish",
        "sso.claim",
        "certificates.user",
        "hosts.join",
        "access.get",
        "login.password",
        "account.password",
        "authorities.rotate",
        "constructor",
        "__proto__",
        "cluster.get%00",
      ]
    ) {
      assertEquals((await browser.call(method)).status, 404, method);
    }
  });

  await t.step(
    "cookies are for this host, TLS and same-site requests only, and the session's is no script's",
    async () => {
      const page = await new WebBrowser(browser.port).ask("GET", "/web", {
        headers: { accept: "text/html" },
      });
      const [line = ""] = page.headers["set-cookie"] ?? [];
      assert(/^__Host-csrf=[\w-]{43}; Path=\/; Secure; SameSite=Strict$/.test(line), line);
      checkHeaders(page);
    },
  );

  await t.step("requests of other web sites are in the audit log, counted", async () => {
    await daemon.event(
      "client.refused",
      ({ reason }) => /other web sites|our own pages/.test(String(reason)),
    );
  });

  await t.step("logins come at a bounded rate, whatever they send", async () => {
    const answers = await Promise.all(
      Array.from({ length: 120 }, () => browser.ask("POST", "/v1/webapi/sessions", { body: {} })),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    assertEquals([...statuses].toSorted(), [400, 429]);
  });
});

function copy(browser: WebBrowser): WebBrowser {
  return withCookies(browser, Object.fromEntries(browser.cookies));
}

function without(browser: WebBrowser): WebBrowser {
  browser.bearer = undefined;
  return browser;
}

function withCookies(browser: WebBrowser, cookies: Record<string, string>): WebBrowser {
  const other = new WebBrowser(browser.port);
  for (const [name, value] of Object.entries(cookies)) other.cookies.set(name, value);
  other.bearer = browser.bearer;
  return other;
}

/** A bearer as the proxy made it some time ago. */
function expired(browser: WebBrowser): string {
  const cookie = parseSessionCookie(browser.cookies.get("__Host-session") ?? "");
  assert(cookie);
  return makeBearer(sessionKeys(cookie), Date.now() - BEARER_TTL - 1);
}

function checkHeaders({ headers }: WebAnswer): void {
  const policy = String(headers["content-security-policy"]);
  assert(/default-src 'none'/.test(policy) && /frame-ancestors 'none'/.test(policy), policy);
  assert(!/unsafe|\*|https?:/.test(policy), policy);
  assertEquals(headers["x-frame-options"], "DENY");
  assertEquals(headers["x-content-type-options"], "nosniff");
  assertEquals(headers["referrer-policy"], "no-referrer");
  assertEquals(headers["cross-origin-opener-policy"], "same-origin");
  assert(/max-age=\d{8}/.test(String(headers["strict-transport-security"])));
  assertEquals(headers["access-control-allow-origin"], undefined);
}
