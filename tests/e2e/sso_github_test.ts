import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { run } from "../kit/run.ts";
import { Terminal, write } from "../kit/sso/cluster_login.ts";
import { type GithubAccount, GithubServer } from "../kit/sso/github_server.ts";
import { WalkingBrowser } from "../kit/sso/walking_browser.ts";

const LOGIN = Deno.env.get("USER") ?? "root";
const OCTOCAT: GithubAccount = {
  login: "octocat",
  id: 583231,
  teams: ["others/a", "others/b", "octocats/readers", "octocats/admins"],
};
const DEV = {
  kind: "role",
  version: "v3",
  metadata: { name: "dev" },
  spec: {
    options: { max_session_ttl: "2h" },
    allow: {
      logins: ["{{internal.logins}}", "svc-{{external.github_teams}}", "deploy"],
      node_labels: { "*": "*" },
    },
  },
};

Deno.test("GitHub: from a connector to certificates, web sessions, denials and locks", async (t) => {
  await using github = await GithubServer.start();
  await using daemon = await Daemon.start({ auth: { authentication: { type: "github" } } });
  const proxy = await daemon.webAddress();
  const origin = `https://${proxy}`;
  const teams = [
    { organization: "octocats", team: "admins", logins: [LOGIN] },
    { organization: "Octocats", team: "readers", logins: ["reader"] },
    { organization: "octocats", team: "makers", logins: ["dev", "maker"] },
  ];
  const terminal = await Terminal.at(daemon, "octocat");
  const ping = async (connector = "") =>
    JSON.parse((await new WalkingBrowser().ask(`${origin}/webapi/ping${connector}`)).text);

  await t.step("without a connector the login says what is missing", async () => {
    assertStringIncludes(daemon.stderr, "a connector of type github, which does not exist yet");
    assertEquals((await ping()).auth.type, "github");
    const { result } = await terminal.login();
    assertEquals(result.code, 1);
    assertStringIncludes(result.stderr, "has no such connector yet");
  });

  await t.step("the connector is made with tctl, its secret is hidden, and ping tells of it", async () => {
    assertStringIncludes(
      await write(daemon, DEV, github.connector(proxy, teams)),
      'authentication connector "github" has been created',
    );
    const shown = await daemon.tctlOk("get", "github");
    assertEquals([shown.includes(github.clientSecret), shown.includes("display: Github")], [false, true]);
    assertStringIncludes(await daemon.tctlOk("get", "github", "--with-secrets"), github.clientSecret);
    const { auth } = await ping();
    assertEquals([auth.type, auth.github], ["github", { name: "github", display: "Github" }]);
    assertEquals((await ping("/github")).auth.github, { name: "github", display: "Github" });
    assertEquals((await ping("/local")).auth.type, "local");
    assertEquals((await new WalkingBrowser().ask(`${origin}/webapi/ping/nothing`)).status, 404);
  });

  await t.step("a member of a mapped team logs in with tsh and gets onto a node", async () => {
    github.account = OCTOCAT;
    const { result, last, browser } = await terminal.login(["--auth=github"]);
    assertEquals(result.code, 0, result.stderr);
    assertStringIncludes(result.stdout, "octocat");
    assertEquals([last?.status, last?.text.includes("You are signed in")], [200, true]);
    const certificate = await terminal.certificate("octocat");
    assertEquals([certificate.keyId, [...certificate.principals].toSorted()], [
      "octocat",
      [LOGIN, "reader"].toSorted(),
    ]);
    // Neither certificate nor key in an address: the answer is sealed.
    assert(!browser.trail.some((url) => url.includes("ssh-ed25519")));
    const ran = await terminal.tsh(
      ["ssh", `${LOGIN}@alpha`, "echo", "in-by-github"],
      () => Promise.resolve(),
    );
    assertEquals([ran.code, ran.stdout], [0, "in-by-github\n"], ran.stderr);
    assertEquals(
      github.asked.filter((path) => path === "/api/v3/user/teams").length,
      2,
      "both pages were read",
    );
  });

  await t.step(
    "the user's record says where it comes from, ends with the certificate, and is in the log",
    async () => {
      const record = JSON.parse(await daemon.tctlOk("get", "user/octocat", "--format=json"));
      assertEquals(record.spec.github_identities, [{ connector_id: "github", username: "octocat" }]);
      assertEquals(record.spec.created_by.connector, {
        connector_type: "github",
        connector_id: "github",
        identity: "583231",
      });
      assertEquals(record.spec.roles, ["admin"]);
      assertEquals(record.spec.traits.github_teams.length, 4);
      const { validBefore } = await terminal.certificate("octocat");
      assert(Math.abs(Date.parse(record.spec.expires) / 1000 - validBefore) < 5);
      const login = await daemon.event("user.login", ({ success }) => success === true);
      assertEquals([login.method, login.user, login.connector, login["addr.remote"]], [
        "github",
        "octocat",
        "github",
        "127.0.0.1",
      ]);
      assertEquals((await daemon.event("user.create", ({ user }) => user === "octocat")).by, "github/github");
      const refused = await daemon.tctl("users", "reset", "octocat");
      assertStringIncludes(refused.stderr, "has no password here");
    },
  );

  await t.step("names of roles in the mapping are roles, with the role's lifetime", async () => {
    github.account = { login: "maker", id: 77, teams: ["octocats/makers"] };
    const result = await terminal.tsh(
      ["--auth=github", "login", "--browser=none", "--ttl=600"],
      (address) => new WalkingBrowser().go(address),
    );
    assertEquals(result.code, 0, result.stderr);
    const certificate = await terminal.certificate("maker");
    assertEquals([...certificate.principals].toSorted(), ["deploy", "maker"]);
    assertStringIncludes(JSON.stringify([...certificate.extensions]), "dev");
    assert(certificate.validBefore - certificate.validAfter <= 2 * 3600 + 120);
  });

  await t.step(
    "who is in no mapped team, declines, or is hidden by GitHub is told so in the terminal",
    async () => {
      const fresh = await Terminal.at(daemon, "denied");
      const cases: [GithubAccount | undefined, RegExp, string][] = [
        [
          { login: "out", id: 5, teams: ["octocats/nobodies"] },
          /nothing it says of you gives access/,
          "unmapped",
        ],
        [{ ...OCTOCAT, hidden: ["octocats"] }, /has to be granted access/, "organizations"],
        [undefined, /did not let you in/, "refused"],
      ];
      for (const [account, text, why] of cases) {
        github.account = account;
        const { result, last } = await fresh.login();
        assertEquals(result.code, 1);
        assertMatch(result.stderr, text);
        assertEquals(last?.status, 403);
        assertMatch(last?.text.replaceAll("\n", " ") ?? "", text);
        assertStringIncludes(last?.url ?? "", `why=${why}`);
        assert(!/octocats|nobodies/.test(last?.text ?? ""), "the page names no organization");
      }
      assertEquals((await daemon.tctl("get", "user/out")).code, 1);
      const failed = (await daemon.events()).filter(({ event, success }) =>
        event === "user.login" && success === false
      );
      assertEquals(failed.length, cases.length);
      assertStringIncludes(String(failed[0]?.error), "octocats/nobodies");
    },
  );

  await t.step("a local user's name is nobody else's, and a locked account stays out", async () => {
    const fresh = await Terminal.at(daemon, "taken");
    await daemon.user("joe");
    github.account = { login: "joe", id: 99, teams: ["octocats/admins"] };
    const taken = await fresh.login();
    assertEquals(taken.result.code, 1);
    assertMatch(taken.result.stderr, /not yours at this identity provider/);
    const joe = JSON.parse(await daemon.tctlOk("get", "user/joe", "--format=json"));
    assertEquals([joe.spec.github_identities, joe.spec.created_by.connector], [undefined, undefined]);
    // The name was free and is somebody else's now: the account is told by its number.
    github.account = { ...OCTOCAT, id: 666 };
    assertMatch((await fresh.login()).result.stderr, /not yours at this identity provider/);
    github.account = OCTOCAT;
    await daemon.tctlOk("users", "lock", "octocat");
    assertMatch((await fresh.login()).result.stderr, /Your account is locked/);
    const locked = JSON.parse(await daemon.tctlOk("get", "user/octocat", "--format=json"));
    assertEquals(locked.spec.expires, "0001-01-01T00:00:00Z", "the lock outlives the login");
    await daemon.tctlOk("users", "unlock", "octocat");
    assertEquals((await fresh.login()).result.code, 0);
  });

  await t.step("in a browser the login ends where it was to lead, with a session", async () => {
    const browser = new WalkingBrowser();
    const begin = `${origin}/v1/webapi/github/login/web?connector_id=github&redirect_url=/web/nodes`;
    const last = await browser.go(begin);
    assertEquals([last.url, last.status], [`${origin}/web/nodes`, 200]);
    const csrf = browser.cookiesOf(origin).get("__Host-csrf") ?? "";
    const renewed = await browser.ask(`${origin}/v1/webapi/sessions/renew`, {}, {
      "x-csrf-token": csrf,
      "content-type": "application/json",
    });
    assertEquals([renewed.status, JSON.parse(renewed.text).user], [200, "octocat"]);
    github.account = undefined;
    const refused = await new WalkingBrowser().go(begin);
    assertStringIncludes(refused.url, "/web/msg/error/login_failed?why=refused");
  });

  await t.step("tsh ssh logs in on demand; $BROWSER opens the page", async () => {
    github.account = OCTOCAT;
    const fresh = await Terminal.at(daemon, "demand");
    const ran = await fresh.tsh(
      ["ssh", "--browser=none", `${LOGIN}@alpha`, "echo", "on-demand"],
      (address) => new WalkingBrowser().go(address),
    );
    assertEquals([ran.code, ran.stdout], [0, "on-demand\n"], ran.stderr);
    const opener = `${daemon.directory}/opener`;
    await Deno.writeTextFile(opener, `#!/bin/sh\nprintf '%s' "$1" > ${daemon.directory}/opened\n`, {
      mode: 0o755,
    });
    const other = await Terminal.at(daemon, "opener");
    const { result } = await other.login([`--browser=${opener}`]);
    assertEquals(result.code, 0, result.stderr);
    assertStringIncludes(result.stderr, "If browser window does not open automatically");
    assertStringIncludes(
      await Deno.readTextFile(`${daemon.directory}/opened`),
      `${github.url}/login/oauth/authorize?`,
    );
  });

  await t.step("local users go on with --auth=local; another connector is refused by name", async () => {
    const ann = await daemon.user("ann");
    assertEquals((await ann.login(["--auth=local"])).code, 0);
    const { result } = await terminal.login(["--auth=nothing"]);
    assertStringIncludes(result.stderr, 'no connector "nothing"');
    assertStringIncludes(result.stderr, "local, github");
  });

  await t.step("a provider that is away, or has another certificate, is one clear failure", async () => {
    const fresh = await Terminal.at(daemon, "away");
    github.instead.set("/api/v3/user", (response) => void response.writeHead(502).end("<html>"));
    const away = await fresh.login();
    assertMatch(away.result.stderr, /cannot be used right now/);
    github.instead.clear();
    const connector = github.connector(proxy, teams);
    await write(daemon, { ...connector, spec: { ...connector.spec, ca_cert: "" } });
    assertMatch((await fresh.login()).result.stderr, /cannot be used right now/);
    const failed = (await daemon.events())
      .filter(({ event, success }) => event === "user.login" && success === false);
    assertMatch(String(failed.at(-2)?.error), /answered with status 502/);
    assertMatch(`${failed.at(-1)?.error}`, /certificate|issuer/i);
  });

  await t.step("the connector goes, and with it the way in; sessions of before go on", async () => {
    assertEquals(await daemon.tctlOk("rm", "github/github"), 'github connector "github" has been deleted\n');
    const { result } = await terminal.login(["--auth=github"]);
    assertStringIncludes(result.stderr, 'no connector "github"');
    const keys = `${terminal.home}/.tsh/keys/127.0.0.1/octocat`;
    assertEquals((await run("ssh-keygen", ["-L", "-f", `${keys}-cert.pub`])).code, 0);
  });
});
