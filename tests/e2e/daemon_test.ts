import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "node:net";
import { Daemon } from "../kit/cluster.ts";
import { programArgs, run, runProgram } from "../kit/run.ts";

const LOGIN = Deno.env.get("USER") || (Deno.uid() === 0 ? "root" : "nobody");

function answers(port: number, host = "127.0.0.1"): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once("data", (chunk) => {
      socket.destroy();
      resolve(chunk.toString());
    });
    socket.once("error", () => resolve(""));
  });
}

Deno.test("teleport start runs the roles of its file, tells where each listens, and keeps its state in data_dir", async () => {
  await using daemon = await Daemon.start();
  const { auth, node, proxySsh } = await daemon.addresses();
  for (const [tag, address] of [["[AUTH]", auth], ["[PROXY]", proxySsh], ["[SSH]", node]] as const) {
    assert(address);
    assertStringIncludes(daemon.stdout, tag);
    assertStringIncludes(daemon.stdout, `127.0.0.1:${address.port}`);
    assertMatch(await answers(address.port), /^SSH-2\.0-Teleport/);
  }
  const mode = async (path: string) => ((await Deno.stat(`${daemon.dataDir}${path}`)).mode ?? 0) & 0o777;
  assertEquals(await mode(""), 0o700);
  assertEquals(await mode("/auth/admin.json"), 0o600);
  const [log] = (await Array.fromAsync(Deno.readDir(`${daemon.dataDir}/log`))).filter((entry) =>
    entry.isFile
  );
  assertMatch(log?.name ?? "", /^\d{4}-\d\d-\d\d\.00:00:00\.log$/);
  assertEquals(await mode(`/log/${log?.name}`), 0o640);
  const status = JSON.parse(await daemon.tctlOk("status", "--format=json"));
  assertEquals(status.cluster, "main");
});

Deno.test("who computes packet ciphers is logged by each role and shown by teleport status", async () => {
  await using daemon = await Daemon.start({ teleport: { log: { output: "stderr", severity: "INFO" } } });
  const shown = await runProgram("teleport", [
    ...["status", "--permissions", "-c", daemon.configFile, "--format=json"],
  ]);
  const roles: { role: string; ffi: string; ciphers: string }[] = JSON.parse(shown.stdout);
  assertEquals(roles.map(({ role }) => role).toSorted(), ["auth", "node", "proxy"]);
  for (const { role, ffi, ciphers } of roles) {
    const native = role === "node" || ffi !== "none";
    assertMatch(ciphers, role === "auth" || !native ? /^built-in$/ : /^libcrypto by FFI \(.*\)$|^built-in$/);
    assertStringIncludes(daemon.stderr, `packet ciphers: ${ciphers}`);
  }
});

Deno.test("a data directory that others could read is tightened", async () => {
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(`${directory}/data`, { mode: 0o755 });
  await Deno.chmod(`${directory}/data`, 0o755);
  {
    await using daemon = await Daemon.start({ directory });
    assertEquals(((await Deno.stat(daemon.dataDir)).mode ?? 0) & 0o777, 0o700);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("without a cluster name a uuid is made and kept; another name later is refused with the reason", async () => {
  const directory = await Deno.makeTempDir();
  const cluster = async (name?: string) => {
    await using daemon = await Daemon.start({ directory, auth: { cluster_name: name } });
    return JSON.parse(await daemon.tctlOk("status", "--format=json")).cluster;
  };
  const first = await cluster();
  assertMatch(first, /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  assertEquals(await cluster(), first);
  const renamed = await Daemon.spawn({ directory, auth: { cluster_name: "other" } });
  assertEquals(await renamed.ended, 1);
  assertStringIncludes(renamed.stderr, `belongs to cluster "${first}"`);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("flags win over the file: nodename, labels, listen ip, advertise ip, pid file, debug", async () => {
  const pidFile = await Deno.makeTempFile();
  await using daemon = await Daemon.start({
    nodename: "from-file",
    node: { listen_addr: "0.0.0.0:0", labels: { role: "master" } },
    args: [
      "--nodename=from-flag",
      '--labels=env=prod,quoted="a, b",kernel=[1h:"uname -s"]',
      "--listen-ip=127.0.0.1",
      "--advertise-ip=127.0.0.2",
      `--pid-file=${pidFile}`,
      "-d",
    ],
  });
  const [node] = JSON.parse(await daemon.tctlOk("nodes", "ls", "--format=json"));
  assertEquals(node.name, "from-flag");
  assertEquals(node.labels, { role: "master", env: "prod", quoted: "a, b", kernel: "Linux" });
  const { node: listening } = await daemon.addresses();
  assertEquals(listening?.host, "127.0.0.1");
  assertEquals(node.address, `127.0.0.2:${listening?.port}`);
  assertEquals(Number(await Deno.readTextFile(pidFile)), await daemon.pid());
  await daemon.user("joe", [LOGIN]).then((joe) => joe.loginOk()).then(() => daemon.tctlOk("status"));
  await Deno.remove(pidFile).catch(() => {});
});

Deno.test("-d logs verbosely, without it there are no debug lines", async () => {
  const story = async (args: string[]) => {
    await using daemon = await Daemon.start({ args });
    const { proxySsh } = await daemon.addresses();
    await answers(proxySsh?.port ?? 0); // a client that goes away without logging in is a debug line
    const joe = await daemon.user("joe", [LOGIN]);
    await joe.loginOk();
    await joe.tsh(["ls"]);
    return daemon.stderr;
  };
  assertMatch(await story(["-d"]), /DEBUG/);
  assert(!/DEBUG/.test(await story([])));
});

Deno.test("--roles=node opens only the node's port, and an unknown role is named", async () => {
  await using main = await Daemon.start();
  const { auth } = await main.addresses();
  const { token } = JSON.parse(await main.tctlOk("nodes", "add", "--format=json"));
  await using daemon = await Daemon.start({
    nodename: "only-node",
    args: ["--roles=node", `--token=${token}`, `--auth-server=127.0.0.1:${auth?.port}`],
  });
  const addresses = await daemon.addresses();
  assertEquals(Object.keys(addresses), ["node"]);
  const listed: { name: string }[] = JSON.parse(await main.tctlOk("nodes", "ls", "--format=json"));
  assertEquals(listed.map(({ name }) => name).sort(), ["alpha", "only-node"]);
  const wrong = await runProgram("teleport", ["start", "-c", daemon.configFile, "--roles=node,kitchen"]);
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.stderr, "kitchen");
});

Deno.test("services that are switched off in the file do not run", async () => {
  await using daemon = await Daemon.start({ node: { enabled: "no" }, proxy: { enabled: "no" } });
  assertEquals(Object.keys(await daemon.addresses()), ["auth"]);
  assertEquals(JSON.parse(await daemon.tctlOk("nodes", "ls", "--format=json")), []);
});

Deno.test("a dead auth server in the list is passed over", async () => {
  await using main = await Daemon.start({ auth: { tokens: ["node:static-token-value"] } });
  const { auth } = await main.addresses();
  await using node = await Daemon.start({
    nodename: "second",
    teleport: { auth_servers: ["127.0.0.1:9", `127.0.0.1:${auth?.port}`], auth_token: "static-token-value" },
    auth: { enabled: "no" },
    proxy: { enabled: "no" },
  });
  assert((await node.addresses()).node);
  assertStringIncludes(await main.tctlOk("nodes", "ls"), "second");
});

Deno.test("the second factor can be off", async () => {
  await using daemon = await Daemon.start({
    auth: { authentication: { type: "local", second_factor: "off" } },
  });
  const { url } = JSON.parse(await daemon.tctlOk("users", "add", "joe", LOGIN, "--format=json"));
  const { callWeb } = await import("../../cli/tsh/web.ts");
  const [host = "", port] = (await daemon.webAddress()).split(":");
  const proxy = { host, port: Number(port), insecure: true };
  const body = { invite_token: url.split("/").at(-1), pass: "only a password", second_factor_token: "" };
  await callWeb(proxy, "POST", "/webapi/users", body);
  const home = `${daemon.directory}/home`;
  await Deno.mkdir(home);
  const login = await runProgram("tsh", ["login", `--proxy=${host}:${port}`, "--user=joe", "--insecure"], {
    env: { HOME: home },
    stdin: "only a password\n",
  });
  assertEquals(login.code, 0, login.stderr);
});

Deno.test("session_recording: off keeps the events and no content, and warns", async () => {
  await using daemon = await Daemon.start({ auth: { session_recording: "off" } });
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  assertEquals((await joe.tsh(["ssh", "-t", `${LOGIN}@alpha`, "echo hidden"])).code, 0);
  const { sid } = await daemon.event("session.end");
  assertStringIncludes(daemon.stderr, "recording is off");
  const files = await Array.fromAsync(Deno.readDir(`${daemon.dataDir}/log/sessions/default`));
  assertEquals(files.map(({ name }) => name).filter((name) => name.includes(String(sid))), []);
});

Deno.test("--insecure-no-tls serves plain HTTP and makes no certificate", async () => {
  await using daemon = await Daemon.start({ args: ["--insecure-no-tls"] });
  const response = await fetch(`http://${await daemon.webAddress()}/webapi/ping`);
  assertEquals((await response.json()).cluster_name, "main");
  const names = (await Array.fromAsync(Deno.readDir(`${daemon.dataDir}/proxy`))).map(({ name }) => name);
  assertEquals(names.filter((name) => name.endsWith(".pem")), []);
});

Deno.test("/webapi/ping answers over HTTPS with a self-signed certificate that names the proxy", async () => {
  await using daemon = await Daemon.start();
  const [host = "", port] = (await daemon.webAddress()).split(":");
  const shown = await run(
    "openssl",
    ["s_client", "-connect", `${host}:${port}`, "-servername", "localhost"],
    { stdin: "" },
  );
  const text = await run("openssl", ["x509", "-noout", "-ext", "subjectAltName"], { stdin: shown.stdout });
  assertStringIncludes(text.stdout, "IP Address:127.0.0.1");
  assertStringIncludes(text.stdout, "DNS:localhost");
  const { callWeb } = await import("../../cli/tsh/web.ts");
  const ping = await callWeb<{ auth: unknown }>(
    { host, port: Number(port), insecure: true },
    "GET",
    "/webapi/ping",
  );
  assertEquals(ping.auth, { type: "local", second_factor: "otp" });
});

Deno.test("https_key_file and https_cert_file are used, and one without the other stops the start", async () => {
  const directory = await Deno.makeTempDir();
  const [key, cert] = [`${directory}/key.pem`, `${directory}/cert.pem`];
  await run("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2"],
    ...["-subj", "/CN=my-own-proxy", "-addext", "subjectAltName=DNS:my-own-proxy"],
  ]);
  {
    await using daemon = await Daemon.start({
      directory,
      proxy: { https_key_file: key, https_cert_file: cert },
    });
    const shown = await run("openssl", ["s_client", "-connect", await daemon.webAddress()], { stdin: "" });
    assertStringIncludes(shown.stdout, "my-own-proxy");
  }
  const half = await Daemon.spawn({ directory, proxy: { https_key_file: key } });
  assertEquals(await half.ended, 1);
  assertStringIncludes(half.stderr, "https_cert_file");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("labels of the file and of commands are listed, and can filter tsh ls", async () => {
  await using daemon = await Daemon.start({
    node: {
      labels: { role: "master", type: "postgres" },
      commands: [{ name: "arch", command: ["uname", "-m"], period: "1h0m0s" }],
    },
  });
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  assertMatch(
    (await joe.tsh(["ls"])).stdout,
    new RegExp(`role=master,type=postgres,arch=${Deno.build.arch}`),
  );
  assertStringIncludes((await joe.tsh(["ls", "role=master"])).stdout, "alpha");
  assert(!(await joe.tsh(["ls", "role=slave"])).stdout.includes("alpha"));
});

Deno.test("~/.tsh/environment is read only where permit_user_env allows it", async () => {
  const home = (await run("sh", ["-c", `getent passwd ${LOGIN} | cut -d: -f6`])).stdout.trim();
  const file = `${home}/.tsh/environment`;
  const before = await Deno.readTextFile(file).catch(() => undefined);
  await Deno.mkdir(`${home}/.tsh`, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(file, `${before ?? ""}\nTELEPORTED_TEST=yes it was read\n`);
  try {
    const seen = async (args: string[]) => {
      await using daemon = await Daemon.start({ args });
      const joe = await daemon.user("joe", [LOGIN]);
      await joe.loginOk();
      return (await joe.tsh(["ssh", `${LOGIN}@alpha`, 'echo "[$TELEPORTED_TEST]"'])).stdout;
    };
    assertEquals(await seen(["--permit-user-env"]), "[yes it was read]\n");
    assertEquals(await seen([]), "[]\n");
  } finally {
    if (before === undefined) await Deno.remove(file);
    else await Deno.writeTextFile(file, before);
  }
});

Deno.test("teleport status tells about the session it runs in, and outside says that there is none", async () => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  const command = [Deno.execPath(), ...programArgs("teleport", ["status"])].join(" ");
  const inside = await joe.tsh(["ssh", "-t", `${LOGIN}@alpha`, command]);
  const { sid } = await daemon.event("session.start");
  assertMatch(
    inside.stdout,
    new RegExp(`User ID +: joe, logged in as ${LOGIN} from 127\\.0\\.0\\.1 \\d+ \\d+`),
  );
  assertStringIncludes(inside.stdout, `Session ID  : ${sid}`);
  assertMatch(inside.stdout, new RegExp(`Session URL : https://\\S+/web/sessions/${sid}`));
  const outside = await runProgram("teleport", ["status"]);
  assertEquals(outside.code, 0);
  assertEquals(outside.stdout, "You are not inside of a Teleport SSH session\n");
});

Deno.test("teleport help lists the commands and the flags of start", async () => {
  const help = await runProgram("teleport", ["help"]);
  assertEquals(help.code, 0);
  for (const command of ["start", "status", "version", "help"]) {
    assertMatch(help.stdout, new RegExp(`^  ${command}`, "m"));
  }
  const start = await runProgram("teleport", ["start", "--help"]);
  const flags = [
    "--debug",
    "--insecure-no-tls",
    "--roles",
    "--pid-file",
    "--advertise-ip",
    "--listen-ip",
    "--auth-server",
  ];
  const more = ["--token", "--nodename", "--config", "--labels", "--permit-user-env", "--ca-pin"];
  for (const flag of [...flags, ...more]) assertStringIncludes(start.stdout, flag);
});

Deno.test("all three tools print the same version", async () => {
  const versions = await Promise.all(
    (["teleport", "tctl", "tsh"] as const).map((tool) => runProgram(tool, ["version"])),
  );
  assertMatch(versions[0]?.stdout ?? "", /^Teleport v\d+\.\d+\.\d+ /);
  assertEquals(new Set(versions.map(({ stdout }) => stdout)).size, 1);
});

Deno.test("a broken configuration stops the start with file, line and a suggestion", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(file, "teleport:\n  nodname: x\n");
  const wrong = await runProgram("teleport", ["start", "-c", file]);
  assertEquals(wrong.code, 1);
  assertMatch(wrong.stderr, /:2:3: .*nodname.*nodename/);
  await Deno.writeTextFile(file, "teleport:\n\tnodename: x\n");
  assertMatch((await runProgram("teleport", ["start", "-c", file])).stderr, /:2.*tab/i);
  const missing = await runProgram("teleport", ["start", "-c", "/no/such/file.yaml"]);
  assertStringIncludes(missing.stderr, "/no/such/file.yaml");
  await Deno.remove(file);
});

Deno.test("a port that is taken is named", async () => {
  await using daemon = await Daemon.start();
  const { node } = await daemon.addresses();
  const second = await Daemon.spawn({ node: { listen_addr: `127.0.0.1:${node?.port}` } });
  assertEquals(await second.ended, 1);
  assertStringIncludes(second.stderr, `cannot listen on 127.0.0.1:${node?.port}`);
  await Deno.remove(second.directory, { recursive: true });
});
