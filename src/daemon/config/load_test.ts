import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { type ConfigHost, loadConfig, type StartFlags } from "./load.ts";

const PIN = `sha256:${"0a".repeat(32)}`;

function hostWith(files: Record<string, string>, change: Partial<ConfigHost> = {}): ConfigHost {
  return {
    hostname: "box",
    uid: 1000,
    home: "/home/joe",
    cwd: "/srv",
    readTextFile(path) {
      const text = files[path];
      return text === undefined ? Promise.reject(new Deno.errors.NotFound(path)) : Promise.resolve(text);
    },
    ...change,
  };
}

function load(text: string, flags: StartFlags = {}, change: Partial<ConfigHost> = {}) {
  return loadConfig(
    { config: "t.yaml", ...flags },
    hostWith({ "t.yaml": text, "/token": "from-file\n" }, change),
  );
}

function loadFails(text: string, message: string, flags: StartFlags = {}) {
  return assertRejects(() => load(text, flags), AppError, message);
}

Deno.test("without a file and flags the defaults apply", async () => {
  const config = await loadConfig({}, hostWith({}));
  assertEquals([...config.roles], ["auth", "proxy", "node"]);
  assertEquals(config.nodename, "box");
  assertEquals(config.dataDir, "/home/joe/.local/share/teleport");
  assertEquals(config.log, { output: { kind: "stderr" }, severity: "error", format: "text" });
  assertEquals(config.authServers, [{ host: "127.0.0.1", port: 3025 }]);
  assertEquals(config.limits, { maxConnections: 1000, maxUsers: 250, rates: [] });
  assertEquals(config.cacheTtl, 20 * 3_600_000);
  assertEquals(config.auth.proxyProtocol, "off");
  assertEquals(config.auth.listenAddr, { host: "0.0.0.0", port: 3025 });
  assertEquals(config.auth.clusterName, undefined);
  assertEquals(config.auth.authentication, { type: "local", secondFactor: "otp" });
  assertEquals(config.auth.sessionRecording, "node");
  assertEquals(config.node.listenAddr, { host: "0.0.0.0", port: 3022 });
  assertEquals(config.proxy.listenAddr, { host: "0.0.0.0", port: 3023 });
  assertEquals(config.proxy.tunnelListenAddr, { host: "0.0.0.0", port: 3024 });
  assertEquals(config.proxy.webListenAddr, { host: "0.0.0.0", port: 3080 });
  assertEquals(config.proxy.publicAddrs, [{ host: "box", port: 3080 }]);
  assertEquals(config.proxy.tls, true);
  assertEquals(config.proxy.allowUnregisteredNodes, false);
  assertEquals(config.warnings, []);
});

Deno.test("root keeps data in /var/lib/teleport", async () => {
  assertEquals((await load("", {}, { uid: 0 })).dataDir, "/var/lib/teleport");
  await assertRejects(() => load("", {}, { home: undefined }), AppError, "data_dir");
});

Deno.test("a missing default file is fine, a missing named file is an error", async () => {
  await loadConfig({}, hostWith({}));
  await assertRejects(() => loadConfig({ config: "/no.yaml" }, hostWith({})), AppError, '"/no.yaml"');
});

Deno.test("an unreadable file is an error that names it", async () => {
  const host = hostWith({}, { readTextFile: () => Promise.reject(new Deno.errors.PermissionDenied("no")) });
  await assertRejects(() => loadConfig({}, host), AppError, '"/etc/teleport.yaml": no');
});

Deno.test("the default file is read when none is named", async () => {
  const config = await loadConfig({}, hostWith({ "/etc/teleport.yaml": "teleport: {nodename: gw}" }));
  assertEquals(config.nodename, "gw");
});

Deno.test("the file overrides the defaults", async () => {
  const config = await load(`
teleport:
  nodename: gw1
  data_dir: data
  pid_file: /run/t.pid
  auth_token: /token
  auth_servers: [10.0.0.1, "[::1]:4025"]
  advertise_ip: 10.0.0.9
  ca_pin: ${PIN}
  log: {output: syslog, severity: WARN, format: json}
  connection_limits: {max_connections: 5, max_users: 2, rates: [{period: 1m, average: 60, burst: 10}]}
  cache: {ttl: never}
  storage: {type: bolt, path: /srv/store}
auth_service:
  cluster_name: main
  listen_addr: 127.0.0.1:0
  public_addr: auth.example.com
  tokens: ["proxy,node:one", "auth:/token"]
  session_recording: off
  authentication: {type: local, second_factor: off}
ssh_service:
  enabled: no
  listen_addr: 127.0.0.1
  labels: {role: db, version: 1.10, when: 2020-01-01}
  commands: [{name: arch, command: [uname, -p], period: 1h0m0s}, {name: up, command: [uptime], period: 100ms}]
  permit_user_env: "yes"
proxy_service:
  web_listen_addr: 127.0.0.1:8443
  public_addr: [gw.example.com, "gw2.example.com:443"]
  https_key_file: /k.pem
  https_cert_file: c.pem
  allow_unregistered_nodes: on
`);
  assertEquals([...config.roles], ["auth", "proxy"]);
  assertEquals([config.nodename, config.dataDir, config.pidFile], ["gw1", "/srv/data", "/run/t.pid"]);
  assertEquals(config.authToken?.reveal(), "from-file");
  assertEquals(config.authServers, [{ host: "10.0.0.1", port: 3025 }, { host: "::1", port: 4025 }]);
  assertEquals([config.advertiseIp, config.caPins], ["10.0.0.9", [PIN]]);
  assertEquals(config.log, {
    output: { kind: "syslog", target: { kind: "local" } },
    severity: "warn",
    format: "json",
  });
  assertEquals(config.limits, {
    maxConnections: 5,
    maxUsers: 2,
    rates: [{ periodMs: 60_000, average: 60, burst: 10 }],
  });
  assertEquals(config.cacheTtl, Infinity);
  assertEquals(config.auth.storage, { type: "deno_kv", path: "/srv/store" });
  assertEquals(config.auth.listenAddr, { host: "127.0.0.1", port: 0 });
  assertEquals(config.auth.publicAddrs, [{ host: "auth.example.com", port: 3025 }]);
  assertEquals(config.auth.staticTokens.map(({ roles, value }) => [roles, value.reveal()]), [
    [["proxy", "node"], "one"],
    [["auth"], "from-file"],
  ]);
  assertEquals([config.auth.sessionRecording, config.auth.authentication.secondFactor], ["off", "off"]);
  assertEquals(config.node.listenAddr, { host: "127.0.0.1", port: 3022 });
  assertEquals(config.node.labels, {
    fixed: { role: "db", version: "1.10", when: "2020-01-01" },
    commands: [
      { name: "arch", command: ["uname", "-p"], periodMs: 3_600_000 },
      { name: "up", command: ["uptime"], periodMs: 1000 },
    ],
  });
  assertEquals(config.node.permitUserEnv, true);
  assertEquals(config.proxy.publicAddrs.map(({ port }) => port), [3080, 443]);
  assertEquals(config.proxy.https, { keyFile: "/k.pem", certFile: "/srv/c.pem" });
  assertEquals(config.proxy.allowUnregisteredNodes, true);
  assertEquals(config.warnings, [
    't.yaml:13:13: storage type "bolt" means the embedded store "deno_kv" here',
    'label "up": its period is raised to 1s',
  ]);
});

Deno.test("flags override the file", async () => {
  const text = `
teleport: {nodename: a, auth_token: a, advertise_ip: 10.0.0.1, pid_file: /a, ca_pin: ["sha256:${
    "1".repeat(64)
  }"]}
ssh_service: {labels: {role: db, zone: x}, commands: [{name: up, command: [uptime]}], listen_addr: "10.0.0.1:99"}
`;
  const config = await load(text, {
    nodename: "b",
    token: "b",
    advertiseIp: "10.0.0.2",
    pidFile: "b.pid",
    caPin: [PIN],
    listenIp: "127.0.0.2",
    labels: 'up=now,role=[1h:"uname -r"]',
    permitUserEnv: true,
    insecureNoTls: true,
    insecure: true,
    debug: true,
    authServer: ["h1,h2:1"],
    roles: "node, auth",
  });
  assertEquals([config.nodename, config.authToken?.reveal(), config.advertiseIp], ["b", "b", "10.0.0.2"]);
  assertEquals([config.pidFile, config.caPins], ["/srv/b.pid", [PIN]]);
  assertEquals([...config.roles], ["node", "auth"]);
  assertEquals(config.authServers, [{ host: "h1", port: 3025 }, { host: "h2", port: 1 }]);
  assertEquals(config.node.labels, {
    fixed: { zone: "x", up: "now" },
    commands: [{ name: "role", command: ["uname", "-r"], periodMs: 3_600_000 }],
  });
  const { auth, node, proxy } = config;
  const listeners = [
    node.listenAddr,
    proxy.listenAddr,
    proxy.tunnelListenAddr,
    auth.listenAddr,
    proxy.webListenAddr,
  ];
  assertEquals(listeners.map(({ host }) => host), Array(5).fill("127.0.0.2"));
  assertEquals(listeners.map(({ port }) => port), [99, 3023, 3024, 3025, 3080]);
  assertEquals([node.permitUserEnv, proxy.tls, config.insecure, config.debug], [true, false, true, true]);
  assertEquals(config.log.severity, "debug");
});

Deno.test("--config-string replaces the file", async () => {
  const configString = btoa("teleport: {nodename: coded}");
  assertEquals((await loadConfig({ configString, config: "/no" }, hostWith({}))).nodename, "coded");
  await assertRejects(() => loadConfig({ configString: "%%" }, hostWith({})), AppError, "base64");
  const message = "--config-string:1:1: unknown key";
  await assertRejects(() => loadConfig({ configString: btoa("x: 1") }, hostWith({})), AppError, message);
});

Deno.test("an unknown key is an error with its place and the nearest known key", async () => {
  const error = await loadFails("teleport:\n  log:\n    severity: INFO\n  nodname: x\n", "t.yaml:4:3");
  assertEquals(error.message, 't.yaml:4:3: unknown key "nodname" in "teleport"; did you mean "nodename"?');
});

Deno.test("a bad value is an error with its place", async () => {
  await loadFails(
    "teleport:\n  log: {severity: LOUD}",
    't.yaml:2:9: "teleport.log.severity": "LOUD" is none of',
  );
  await loadFails(
    "auth_service:\n  enabled: maybe",
    't.yaml:2:3: "auth_service.enabled": "maybe" is neither',
  );
  await loadFails("auth_service:\n  cluster_name: a,b", "not a valid name");
  await loadFails(
    "ssh_service: {commands: [{name: a}]}",
    '"ssh_service.commands.0.command": the key is missing',
  );
  await loadFails("ssh_service: {commands: x}", '"ssh_service.commands": a list is expected');
  await loadFails("ssh_service: {labels: {a: }}", 'label "a" has no value');
  await loadFails("teleport: [a]", '"teleport" must be a mapping');
  await loadFails("- a", "the file must be a mapping");
});

Deno.test("several problems are reported together", async () => {
  const error = await loadFails("auth_service: {enabled: x}\nssh_service: {enabled: y}", "t.yaml:1:16");
  assertEquals(error.message.split("\n").length, 2);
});

Deno.test("security keys need an app_id: an https address with a name; facets are addresses without a path", async () => {
  const u2f = (fields: string) => `auth_service: {authentication: {second_factor: u2f, u2f: {${fields}}}}`;
  await loadFails(u2f(""), 't.yaml:1:33: second_factor "u2f" needs "u2f.app_id"');
  for (const wrong of ["http://gw.example.com", "gw.example.com", "https://gw.example.com/#x"]) {
    await loadFails(u2f(`app_id: "${wrong}"`), "is no address of the form https://host[:port]");
  }
  await loadFails(u2f('app_id: "https://10.1.0.5:3080"'), "browsers use security keys for names");
  await loadFails(
    u2f('app_id: "https://gw", facets: ["https://gw/web"]'),
    "a proxy's address without a path",
  );
  const { auth, warnings } = await load(
    u2f('app_id: "https://example.com/app.json", facets: ["https://p1.example.com:3080/", "https://p2.org"]'),
  );
  assertEquals(auth.authentication.u2f, {
    appId: "https://example.com/app.json",
    facets: ["https://p1.example.com:3080", "https://p2.org"],
  });
  assertEquals(warnings.length, 1);
  assertStringIncludes(
    warnings[0] ?? "",
    "at https://p2.org only if https://example.com/.well-known/webauthn",
  );
});

Deno.test("single sign-on: each type and a connector's name are taken, others are refused", async () => {
  for (const type of ["local", "github", "oidc", "saml"] as const) {
    const { auth } = await load(`auth_service: {authentication: {type: ${type}, connector_name: corp}}`);
    assertEquals([auth.authentication.type, auth.authentication.connectorName], [type, "corp"]);
  }
  await loadFails("auth_service: {authentication: {type: ldap}}", '"ldap"');
  await loadFails(
    "auth_service: {authentication: {type: oidc, connector_name: 'a b'}}",
    "name of a connector",
  );
});

Deno.test("known keys without effect give a warning", async () => {
  const { warnings } = await load(`
teleport: {ciphersuites: [a], manual_config: yes}
auth_service: {trusted_clusters: [{key_file: x}]}
`);
  assertEquals(warnings.length, 3);
  assertStringIncludes(
    warnings[0] ?? "",
    't.yaml:2:12: "teleport.ciphersuites" is recognised, has no effect: HTTPS',
  );
  assertStringIncludes(warnings[2] ?? "", '"trusted_cluster" resource with "tctl create"');
});

Deno.test("old spellings are taken with a warning that names the new one", async () => {
  const { warnings, auth, log } = await load(`
teleport: {log: {severity: warning}, ssh_service: {pam: {enabled: yes}}, storage: {type: dir}}
auth_service: {u2f: {app_id: "https://a"}, tokens: ["trustedcluster:x"]}
`);
  assertEquals(warnings.filter((line) => !line.includes("has no effect")), [
    't.yaml:2:52: "teleport.ssh_service.pam" is the old place: write it as "ssh_service.pam"',
    't.yaml:3:16: "auth_service.u2f" is the old place: write it as "auth_service.authentication.u2f"',
    't.yaml:3:16: not used, because second_factor is not "u2f"',
    't.yaml:2:84: storage type "dir" means the embedded store "deno_kv" here',
    't.yaml:3:53: "trustedcluster" is the old spelling: write it as "trusted_cluster"',
  ]);
  assertEquals([auth.staticTokens[0]?.roles, log.severity], [["trusted_cluster"], "warn"]);
});

Deno.test("an old key beside the new one is an error, and faults below it are told where they are written", async () => {
  await loadFails(
    "teleport: {ssh_service: {pam: {}}}\nssh_service: {pam: {}}",
    't.yaml:1:12: unknown key "ssh_service"',
  );
  await loadFails("auth_service: {u2f: {appid: x}}", 't.yaml:1:22: unknown key "appid"');
});

Deno.test("every fault is told, in the order of the file", async () => {
  const error = await loadFails(
    `
teleport:
  nodname: x
  log: {severity: loud, output: "ftp://x"}
  mac_algos: [hmac-md5]
auth_service:
  tokens: ["node:/gone", "node:fine"]
  audit_sinks: [{type: http}]
ssh_service:
  listen_addr: a:b
  commands: [{name: a, command: [x]}, {name: a, command: [y]}]
proxy_service: {https_key_file: /k, enabled: maybe}
`,
    "t.yaml:3:3",
  );
  const places = error.message.split("\n").map((line) => line.split(":").slice(1, 3).join(":"));
  const expected = ["3:3", "4:9", "4:25", "5:3", "7:12", "8:17", "10:3", "11:3", "12:17", "12:37"];
  assertEquals(places, expected, error.message);
});

Deno.test("PROXY headers are believed of nobody unless the file says of whom", async () => {
  const { auth, node, proxy, warnings } = await load(`
auth_service: {proxy_protocol: [10.0.0.5, "fd00::/8"]}
ssh_service: {proxy_protocol: 10.0.0.0/8}
proxy_service: {proxy_protocol: on}
`);
  assertEquals([auth.proxyProtocol, node.proxyProtocol, proxy.proxyProtocol], [
    ["10.0.0.5", "fd00::/8"],
    ["10.0.0.0/8"],
    "on",
  ]);
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0] ?? "", "t.yaml:4:17");
  for (const bad of ["10.0.0.1/8", "[]", "balancer", "[10.0.0.5, x]", "{a: b}"]) {
    await loadFails(`proxy_service: {proxy_protocol: ${bad}}`, '"proxy_service.proxy_protocol"');
  }
});

Deno.test("the cache's time to live: durations, never, off", async () => {
  const ttl = async (cache: string) => (await load(`teleport: {cache: ${cache}}`)).cacheTtl;
  assertEquals(await ttl("{ttl: 90m}"), 5_400_000);
  for (const word of ["never", "no", "0"]) assertEquals(await ttl(`{ttl: ${word}}`), Infinity);
  assertEquals(await ttl("{enabled: no, ttl: 20h}"), 0);
  await loadFails("teleport: {cache: {ttl: 2000d}}", "too long");
});

Deno.test("both or neither of the HTTPS key and certificate", async () => {
  await loadFails(
    "proxy_service:\n  https_key_file: /k",
    't.yaml:2:3: "https_key_file" needs "https_cert_file"',
  );
  await loadFails("proxy_service: {https_cert_file: /k}", '"https_cert_file" needs "https_key_file"');
});

Deno.test("--auth-server turns the local auth service off unless --roles says otherwise", async () => {
  const off = await load("", { authServer: ["10.0.0.1"] });
  assertEquals([...off.roles], ["proxy", "node"]);
  assertStringIncludes(off.warnings[0] ?? "", "--auth-server");
  const on = await load("", { authServer: ["10.0.0.1"], roles: "auth" });
  assertEquals([...on.roles], ["auth"]);
});

Deno.test("auth_servers defaults to the own auth listener", async () => {
  const own = await load('auth_service: {listen_addr: "[::]:4025"}');
  assertEquals(own.authServers, [{ host: "::1", port: 4025 }]);
  const other = await load("auth_service: {enabled: no, listen_addr: 10.0.0.1:4025}");
  assertEquals(other.authServers, [{ host: "127.0.0.1", port: 3025 }]);
});

Deno.test("an unknown role names itself and the known ones", async () => {
  await loadFails("", '--roles: unknown role "nod"; known roles: auth, proxy, node; did you mean "node"?', {
    roles: "nod",
  });
  await loadFails(
    "{auth_service: {enabled: no}, proxy_service: {enabled: no}, ssh_service: {enabled: no}}",
    "nothing to run",
  );
});

Deno.test("bad flags are named", async () => {
  await loadFails("", "--listen-ip:", { listenIp: "localhost" });
  await loadFails("", "--advertise-ip:", { advertiseIp: "10.0.0.1:22" });
  await loadFails("", "--ca-pin:", { caPin: ["sha256:1"] });
  await loadFails("", "--nodename:", { nodename: "a b" });
  await loadFails("", "--labels: bad label", { labels: "a" });
  await loadFails("", "--auth-server:", { authServer: ["a:b"] });
});

Deno.test("a join token whose file is gone is a warning, for a member needs none", async () => {
  const config = await load("teleport: {auth_token: /gone}");
  assertEquals(config.authToken, undefined);
  assertStringIncludes(config.warnings[0] ?? "", "/gone");
});

Deno.test("CA pins may stand in a file; one that cannot be read stops the start", async () => {
  const files = {
    "t.yaml": "teleport: {ca_pin: [/pins, 'file:///pins']}",
    "/pins": `${PIN}\n\n`,
    "/empty": "\n",
  };
  assertEquals((await loadConfig({ config: "t.yaml" }, hostWith(files))).caPins, [PIN, PIN]);
  assertEquals((await loadConfig({ caPin: ["/pins"] }, hostWith(files))).caPins, [PIN]);
  await loadFails(
    "teleport: {ca_pin: /gone}",
    't.yaml:1:12: "teleport.ca_pin": cannot read the CA pin file "/gone"',
  );
  await assertRejects(() => loadConfig({ caPin: ["/empty"] }, hostWith(files)), AppError, "is empty");
});

Deno.test("a static token whose file is gone is an error where auth runs", async () => {
  const text = 'auth_service: {tokens: ["node:/gone"]}';
  await loadFails(text, 't.yaml:1:25: "auth_service.tokens.0": cannot read the token file "/gone"');
  assertEquals((await load(text, { roles: "node" })).auth.staticTokens, []);
});

Deno.test("a label that is both fixed and a command is refused", async () => {
  await loadFails(
    "ssh_service: {labels: {a: b}, commands: [{name: a, command: [x]}]}",
    'label "a" is given twice',
  );
});

Deno.test("a log file is resolved, and a relative one is pointed out", async () => {
  assertEquals((await load("teleport: {log: {output: /var/log/t.log}}")).log.output, {
    kind: "file",
    path: "/var/log/t.log",
  });
  const config = await load("teleport: {log: {output: sdterr}}");
  assertEquals(config.log.output, { kind: "file", path: "/srv/sdterr" });
  assertStringIncludes(config.warnings[0] ?? "", '"/srv/sdterr"');
});

Deno.test("a text above 1 MiB is refused", async () => {
  await loadFails(`# ${"x".repeat(1024 * 1024)}`, "larger than 1 MiB");
  await loadFails("", "1 MiB", { configString: "A".repeat(2 * 1024 * 1024) });
});

Deno.test("secrets do not show in errors or in the printed configuration", async () => {
  const text = 'teleport: {auth_token: hush-hush}\nauth_service: {tokens: ["node:hush-hush"]}';
  const config = await load(text);
  assertEquals((Deno.inspect(config, { depth: 9 }) + JSON.stringify(config)).includes("hush"), false);
  const error = await loadFails('auth_service: {tokens: ["nod:hush-hush"]}', "unknown role");
  assertEquals(error.message.includes("hush"), false);
});
