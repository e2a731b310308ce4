import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { issueCertificate } from "../../src/ssh/certificate.ts";
import { formatCertificateLine, parseCertificateLine } from "../../src/ssh/certificate.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { Daemon } from "../kit/cluster.ts";
import { loginOf } from "../kit/login_files.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually, run } from "../kit/run.ts";
import { PASSWORD, type User } from "../kit/user.ts";

let cluster: Daemon;
/** Logged in all the time; tests that log in or out use users of their own. */
let joe: User;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start({ node: { labels: { role: "master", type: "postgres" } } });
  joe = await cluster.user("joe", [LOGIN, "postgres"]);
  await joe.loginOk();
});

Deno.test.afterAll(() => cluster.stop());

/** `tsh login` with the given answers. */
function answer(user: User, password: string, code: string) {
  const { proxy } = user.options;
  return user.tsh(["login", `--proxy=${proxy}`, `--user=${user.name}`, "--insecure"], {
    stdin: `${password}\n${code}\n`,
  });
}

Deno.test("a wrong password, a wrong code and an unknown user get exactly the same answer", async () => {
  const eve = await cluster.user("eve", [LOGIN]);
  const answers = [
    await answer(eve, "wrong password", await eve.authenticator.code()),
    await answer(eve, PASSWORD, "123456"),
  ];
  const { proxy } = eve.options;
  answers.push(
    await eve.tsh(["login", `--proxy=${proxy}`, "--user=nobody-of-that-name", "--insecure"], {
      stdin: `${PASSWORD}\n123456\n`,
    }),
  );
  const errors = answers.map(({ code, stdout, stderr }) => {
    assertEquals([code, stdout], [1, ""]);
    return stderr.split("\n").find((line) => line.startsWith("error: "));
  });
  assert(errors[0] !== undefined && new Set(errors).size === 1, JSON.stringify(errors));
  assertEquals((await eve.tsh(["status"])).stdout, "Not logged in.\n");
  const failures = (await cluster.events()).filter((event) =>
    event.event === "user.login" && event.success === false
  );
  assert(failures.some((event) => event.user === "eve"), "failed logins are in the audit log");
});

Deno.test("tsh login asks, logs in, and shows the same as tsh status", async () => {
  const ann = await cluster.user("ann", [LOGIN, "backup"]);
  assertEquals((await ann.tsh(["status"])).stdout, "Not logged in.\n");
  const login = await ann.loginOk();
  assertStringIncludes(login.stderr, "Enter password for Teleport user ann:");
  assertStringIncludes(login.stderr, "Enter your OTP token:");
  const shown = new RegExp(
    [
      `^> Profile URL: {2}https://${ann.options.proxy}`,
      "  Logged in as: ann",
      "  Cluster: {6}main",
      "  Roles: {8}\\S+",
      `  Logins: {7}${LOGIN}, backup`,
      "  Valid until: {2}\\S+ \\[valid for (?:22h59m|23h)\\S*\\]",
      "  Extensions: {3}permit-",
    ].join("\\n"),
  );
  assertMatch(login.stdout, shown);
  assertMatch((await ann.tsh(["status"])).stdout, shown);
  const again = await ann.tsh(["login", `--proxy=${ann.options.proxy}`, "--user=ann"]);
  assertEquals(again.code, 0);
  assertMatch(again.stdout, shown);
  assert(!again.stderr.includes("password"), "a valid login is not asked for again");
  const [status] = JSON.parse((await ann.tsh(["status", "--format=json"])).stdout);
  assertEquals([status.user, status.cluster, status.logins, status.expired], ["ann", "main", [
    LOGIN,
    "backup",
  ], false]);

  const short = await ann.loginOk(["--ttl=1"]);
  assertMatch(short.stdout, /\[valid for (?:1m|5\ds|1m0s)\]/);
  const { certificate } = await loginOf(ann);
  const left = certificate.validBefore - Date.now() / 1000;
  assert(left > 30 && left <= 61, `${left} seconds`);
  for (const ttl of ["0", "1801", "31h", "soon", "-5"]) {
    const { code, stderr } = await ann.tsh([
      "login",
      `--proxy=${ann.options.proxy}`,
      `--ttl=${ttl}`,
      "--insecure",
    ], {
      stdin: `${PASSWORD}\n000000\n`,
    });
    assertEquals(code, 1, ttl);
    assertMatch(stderr, /^error: .*(?:ttl|duration|"soon"|-5)/m, ttl);
  }
});

Deno.test("tsh logout removes the login, of one user or of all, and says so", async () => {
  const bob = await cluster.user("bob", [LOGIN]);
  const eva = await cluster.user("eva", [LOGIN]);
  await bob.loginOk();
  const half = await bob.tsh(["logout", "--user=bob"]);
  assertEquals(half.code, 1);
  assertMatch(half.stderr, /--proxy and --user.*\n.*neither/);
  const one = await bob.tsh(["logout", "--proxy=127.0.0.1", "--user=bob"]);
  assertEquals([one.code, one.stdout], [0, "Logged out bob from 127.0.0.1.\n"]);
  const again = await bob.tsh(["logout", "--proxy=127.0.0.1", "--user=bob"]);
  assertEquals([again.code, again.stderr], [1, "User bob already logged out from 127.0.0.1.\n"]);
  assertEquals((await bob.tsh(["status"])).stdout, "Not logged in.\n");

  // Two users of one proxy in the same home: none may be left behind.
  await bob.loginOk();
  const env = { HOME: bob.options.home };
  await eva.loginOk([], env);
  const all = await bob.tsh(["logout"]);
  assertEquals([all.code, all.stdout], [0, "Logged out all users from all proxies.\n"]);
  const kept = await Array.fromAsync(Deno.readDir(`${bob.options.home}/.tsh/keys/127.0.0.1`));
  assertEquals(kept.map(({ name }) => name), []);
  const { code } = await bob.tsh(["ls"], { stdin: "" });
  assertEquals(code, 1);
});

Deno.test("tsh ls lists nodes, filters by labels, and speaks JSON and YAML", async () => {
  const text = (await joe.tsh(["ls"])).stdout;
  assertMatch(text, /^Node Name Node ID +Address +Labels\n/);
  assertMatch(text, /^alpha +[0-9a-f-]{36} 127\.0\.0\.1:\d+ +role=master,type=postgres$/m);
  assertStringIncludes((await joe.tsh(["ls", "role=master,type=postgres"])).stdout, "alpha");
  assertEquals((await joe.tsh(["ls", "role=master,type=mysql"])).stdout.includes("alpha"), false);
  const wrong = await joe.tsh(["ls", "master"]);
  assertEquals([wrong.code, wrong.stdout], [1, ""]);
  assertStringIncludes(wrong.stderr, "write key=value");
  const [json] = JSON.parse((await joe.tsh(["ls", "--format=json"])).stdout);
  const [yaml] = parse((await joe.tsh(["ls", "--format=yaml"])).stdout) as { name: string; id: string }[];
  assertEquals([json.name, json.labels], ["alpha", { role: "master", type: "postgres" }]);
  assertEquals(yaml?.id, json.id);
});

Deno.test("tsh clusters shows the own cluster online", async () => {
  assertMatch((await joe.tsh(["clusters"])).stdout, /^Cluster Name Status\n-+ -+\nmain +online\n/);
  assertEquals((await joe.tsh(["clusters", "-q"])).stdout, "main online\n");
  assertEquals(JSON.parse((await joe.tsh(["clusters", "--format=json"])).stdout)[0].name, "main");
});

Deno.test("tsh play of an unknown or malformed session says so", async () => {
  const unknown = await joe.tsh(["play", "5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10"]);
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, "there is no recording of session 5b5cbd5a");
  for (const id of ["not-a-uuid", "../../etc/passwd"]) {
    const malformed = await joe.tsh(["play", id]);
    assertEquals(malformed.code, 1);
    assertMatch(malformed.stderr, /must be GUID|no asciicast/);
  }
});

Deno.test("tsh without a subcommand is tsh ssh, and global options may come first", async () => {
  const short = await joe.tsh([
    `--proxy=${joe.options.proxy}`,
    "--user=joe",
    `${LOGIN}@alpha`,
    "echo",
    "-n",
    "short",
  ]);
  assertEquals([short.code, short.stdout], [0, "short"], short.stderr);
  const after = await joe.tsh([
    "ssh",
    `--proxy=${joe.options.proxy}`,
    "-l",
    LOGIN,
    "alpha",
    "echo",
    "-l",
    "it's mine",
  ]);
  assertEquals(after.code, 2, "the remote shell got the quote as it is");
  const login = await joe.tsh(["--login", LOGIN, "alpha", "id -un"]);
  assertEquals(login.stdout, `${LOGIN}\n`, login.stderr);
});

Deno.test("a login that the certificate does not allow is refused with its reason", async () => {
  const refused = await joe.tsh(["ssh", "daemon@alpha", "true"]);
  assertEquals([refused.code, refused.stdout], [1, ""]);
  assertStringIncludes(refused.stderr, "access denied to daemon connecting to alpha");
  for (const target of ["@alpha", "root@", "root@alpha:22:22"]) {
    assertEquals((await joe.tsh(["ssh", target, "true"])).code, 1, target);
  }
});

Deno.test("an encrypted identity file asks for its passphrase", async () => {
  const ivy = await cluster.user("ivy", [LOGIN]);
  const file = `${cluster.directory}/locked.pem`;
  await ivy.loginOk([`--out=${file}`]);
  const text = await Deno.readTextFile(file);
  const rest = text.slice(text.indexOf("-----END OPENSSH PRIVATE KEY-----\n") + 34);
  assertEquals((await run("ssh-keygen", ["-q", "-p", "-P", "", "-N", "open sesame", "-f", file])).code, 0);
  await Deno.writeTextFile(file, (await Deno.readTextFile(file)) + rest);
  const { proxy, sshPort } = ivy.options;
  const call = (passphrase: string) =>
    ivy.tsh(["-i", file, `--proxy=${proxy},${sshPort}`, "ls", "--format=json"], {
      stdin: `${passphrase}\n`,
      env: { TELEPORT_HOME: `${ivy.options.home}/elsewhere` },
    });
  const good = await call("open sesame");
  assertEquals(good.code, 0, good.stderr);
  assertStringIncludes(good.stderr, "Enter passphrase for key");
  const bad = await call("wrong");
  assertEquals(bad.code, 1);
  assertMatch(bad.stderr, /passphrase/);
});

Deno.test("an identity file opens nodes without any login at home", async () => {
  const ida = await cluster.user("ida", [LOGIN]);
  const file = `${cluster.directory}/ida.pem`;
  const written = await ida.loginOk([`--out=${file}`]);
  assertStringIncludes(written.stdout, `The certificate has been written to ${file}`);
  await ida.tsh(["logout"]);
  const { proxy, sshPort } = ida.options;
  const result = await ida.tsh([
    "-i",
    file,
    `--proxy=${proxy},${sshPort}`,
    "ssh",
    `${LOGIN}@alpha`,
    "echo by identity",
  ]);
  assertEquals([result.code, result.stdout], [0, "by identity\n"], result.stderr);
  const login = await ida.tsh(["login", "-i", file, `--proxy=${proxy}`]);
  assertEquals(login.code, 1);
  assertStringIncludes(login.stderr, "-i flag cannot be used here");
  const missing = await ida.tsh(["-i", `${file}.none`, `--proxy=${proxy}`, "ls"]);
  assertEquals(missing.code, 1);
});

Deno.test("an expired certificate shows as expired, and the next command asks for a login", async () => {
  const max = await cluster.user("max", [LOGIN]);
  await max.loginOk();
  const { certificate, key } = await loginOf(max);
  const past = Math.floor(Date.now() / 1000) - 10;
  const expired = issueCertificate(generateKey(), {
    kind: "user",
    key: key.publicKey,
    keyId: certificate.keyId,
    principals: certificate.principals,
    validAfter: past - 100,
    validBefore: past,
  });
  await Deno.writeTextFile(`${max.keyFile}-cert.pub`, `${formatCertificateLine(expired)}\n`);
  assertStringIncludes((await max.tsh(["status"])).stdout, "[EXPIRED]");
  const asked = await max.tsh(["--insecure", "ls"], {
    stdin: `${PASSWORD}\n${await max.authenticator.code()}\n`,
  });
  assertStringIncludes(asked.stderr, "Enter password for Teleport user max:");
  assertEquals(asked.code, 0, asked.stderr);
  assertStringIncludes(asked.stdout, "alpha");
  const renewed = parseCertificateLine(await Deno.readTextFile(`${max.keyFile}-cert.pub`));
  assert(renewed.validBefore > Date.now() / 1000);
  assertNotEquals(renewed.key.fingerprint, key.publicKey.fingerprint, "every login has a key of its own");
});

/** A real ssh-agent. */
class Agent implements AsyncDisposable {
  private constructor(readonly socket: string, readonly process: Deno.ChildProcess) {}

  static async start(directory: string): Promise<Agent> {
    const socket = `${directory}/agent.sock`;
    const process = new Deno.Command("ssh-agent", {
      args: ["-D", "-a", socket],
      stdout: "null",
      stderr: "null",
    })
      .spawn();
    await eventually("the agent's socket", () => Deno.stat(socket).then(() => true, () => undefined));
    return new Agent(socket, process);
  }

  async list(): Promise<string> {
    return (await run("ssh-add", ["-l"], { env: { SSH_AUTH_SOCK: this.socket } })).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGTERM");
    await this.process.status;
  }
}

Deno.test("a running ssh-agent holds the certificate from login to logout, and stock ssh works with it as the manual says", async () => {
  const kim = await cluster.user("kim", [LOGIN]);
  await using agent = await Agent.start(kim.options.home);
  const env = { SSH_AUTH_SOCK: agent.socket };
  await kim.loginOk([], env);
  const { certificate } = await loginOf(kim);
  const list = await agent.list();
  assertStringIncludes(list, `${certificate.key.fingerprint} teleport:kim (ED25519-CERT)`);

  // The manual's recipe: the host CA in an otherwise empty known_hosts, a ProxyCommand, the agent.
  const knownHosts = `${kim.options.home}/known_hosts_of_the_manual`;
  await Deno.writeTextFile(knownHosts, await cluster.tctlOk("auth", "export", "--type=host"));
  const common = `-F none -o UserKnownHostsFile=${knownHosts} -o StrictHostKeyChecking=yes -o BatchMode=yes`
    .split(" ");
  const proxy = ["ssh", ...common, "-p", String(kim.options.sshPort), "%r@127.0.0.1", "-s", "proxy:%h:%p"]
    .join(" ");
  const args = [...common, "-o", `ProxyCommand=${proxy}`, `${LOGIN}@alpha.main`, "echo with the agent"];
  const stock = await run("ssh", args, { env: { ...env, HOME: cluster.directory } });
  assertEquals([stock.code, stock.stdout], [0, "with the agent\n"], stock.stderr);

  await kim.tsh(["logout"], { env });
  assert(!(await agent.list()).includes("teleport:kim"));
  const without = await run("ssh", args, { env: { ...env, HOME: cluster.directory } });
  assertEquals(without.code, 255);
});

Deno.test("a dead agent and a proxy that does not answer end in a message, not in a stack trace", async () => {
  const dead = await joe.tsh(["login", `--proxy=${joe.options.proxy}`, "--user=joe"], {
    env: { SSH_AUTH_SOCK: "/nonexistent/agent" },
  });
  assertEquals(dead.code, 0);
  for (
    const [proxy, says] of [["127.0.0.1:1", "cannot reach the proxy"], [
      "not a proxy",
      "is not a proxy address",
    ]]
  ) {
    const { code, stderr } = await joe.tsh(["login", `--proxy=${proxy}`, "--user=x", "--insecure"], {
      stdin: "\n\n",
    });
    assertEquals(code, 1);
    assertStringIncludes(stderr, says ?? "");
    assert(!/\n +at /.test(stderr));
  }
  const untrusted = await joe.tsh(["login", `--proxy=${joe.options.proxy}`, "--user=other"], {
    stdin: "\n\n",
  });
  assertEquals(untrusted.code, 1);
  assertStringIncludes(untrusted.stderr, "--insecure");
});
