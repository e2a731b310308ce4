// Clusters whose proxies record: with servers of OpenSSH, stock clients, and nodes of our own.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connectAs } from "../kit/login_files.ts";
import { LiveTerminal } from "../kit/live_terminal.ts";
import { freePort, noProcessWith, processesWith } from "../kit/machine.ts";
import { HOST, RecordingCluster } from "../kit/recording_cluster.ts";
import { eventually, type Result, run, spawn } from "../kit/run.ts";
import { joinToken, startNode } from "../kit/second_node.ts";
import { StockSshd } from "../kit/stock_sshd.ts";
import { saidAtLast, TextService } from "../kit/text_service.ts";
import { makeTree, readTree } from "../kit/trees.ts";
import { COOKIE, Screen, WINDOW } from "../kit/x11_screen.ts";

let cluster: RecordingCluster;
let sshd: StockSshd;
let work: string;

const NO_XAUTH = (await run("sh", ["-c", "command -v xauth"])).code !== 0;
if (NO_XAUTH) console.log("skipped, needs the program xauth: X11 forwarding");

Deno.test.beforeAll(async () => {
  cluster = await RecordingCluster.start("tprec");
  sshd = await cluster.sshd([
    "AcceptEnv SSH_SESSION_ID",
    "X11Forwarding yes",
    "MaxStartups 50:30:100",
    "Subsystem greeting echo hello from the subsystem",
  ]);
  work = await Deno.makeTempDir({ prefix: "recording-proxy-" });
});

Deno.test.afterAll(async () => {
  await Deno.remove(work, { recursive: true });
  await sshd[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

const port = () => ["-p", String(sshd.port)];
const target = () => `${cluster.login}@${HOST}`;
/** Stock ssh to OpenSSH's server, by the manual's recipe. */
const stock = (...words: string[]) => cluster.ssh([...port(), ...words]);
const tsh = (...words: string[]) => cluster.joe.tsh(["ssh", ...port(), ...words]);
const ok = ({ code, stdout, stderr }: Result): string => {
  assertEquals(code, 0, stderr);
  return stdout;
};

/** The session that has printed a marker: its id, once it has ended. */
async function sessionOf(marker: string): Promise<string> {
  const start = await cluster.daemon.event(
    "session.start",
    ({ command }) => String(command).includes(marker),
  );
  await cluster.daemon.event("session.end", ({ sid }) => sid === start.sid);
  return String(start.sid);
}

Deno.test("the manual's recipe gets stock ssh to OpenSSH's server, and the session is recorded and plays", async () => {
  const { code, stdout, stderr } = await stock("-tt", target(), "echo marker-of-stock; exit 3");
  assertEquals([code, stdout], [3, "marker-of-stock\r\n"], stderr);
  const sid = await sessionOf("marker-of-stock");
  assertEquals(await cluster.played(sid), "marker-of-stock\r\n");
  assertMatch(await cluster.daemon.tctlOk("recordings", "verify", sid), /^unchanged, signed by host/);
  const listed: { sid: string; user: string; name: string }[] = JSON.parse(
    await cluster.daemon.tctlOk("recordings", "ls", "--format=json"),
  );
  const own = listed.find((recording) => recording.sid === sid);
  assertEquals([own?.user, own?.name], ["joe", HOST]);
  for (const name of ["session.start", "session.leave", "session.end"]) {
    const event = await cluster.daemon.event(name, (event) => event.sid === sid);
    assertEquals([event.user, event.login, event.name], ["joe", cluster.login, HOST]);
    assertEquals(event["addr.local"], `${HOST}:${sshd.port}`);
  }
});

Deno.test("tsh forwards its agent to a recording proxy by itself, also where the user has none", async () => {
  const command = "echo marker-of-tsh; echo [$SSH_AUTH_SOCK]; exit 5";
  const { code, stdout, stderr } = await tsh("-t", target(), command);
  assertEquals([code, stdout], [5, "marker-of-tsh\r\n[]\r\n"], stderr);
  assertStringIncludes(await cluster.played(await sessionOf("marker-of-tsh")), "marker-of-tsh");
});

Deno.test("a node of our own is recorded by the proxy, and by nobody else", async () => {
  const { code, stdout } = await cluster.joe.tsh([
    "ssh",
    "-t",
    `${cluster.login}@alpha`,
    "echo marker-of-node; echo $SSH_SESSION_ID; exit 6",
  ]);
  assertEquals(code, 6);
  const sid = await sessionOf("marker-of-node");
  assertStringIncludes(stdout, sid);
  assertStringIncludes(await cluster.played(sid), "marker-of-node");
  const starts = (await cluster.daemon.events()).filter(({ event, command }) =>
    event === "session.start" && String(command).includes("marker-of-node")
  );
  assertEquals(starts.length, 1);
});

Deno.test("who dials a node past the proxies leaves events, and no recording", async () => {
  const { node } = await cluster.daemon.addresses();
  const alias = ["-o", "HostKeyAlias=alpha.main", "-p", `${node?.port}`];
  const words = [...cluster.common, ...alias, "-tt", `${cluster.login}@127.0.0.1`, "echo past-the-proxy"];
  assertEquals(ok(await run("ssh", words, { env: cluster.env })), "past-the-proxy\r\n");
  const sid = await sessionOf("past-the-proxy");
  assertEquals((await cluster.recordings()).filter((name) => name.startsWith(sid)), []);
});

Deno.test("~/.ssh/config makes plain ssh enough, with a ProxyCommand and with -J", async () => {
  const jump = cluster.common.filter((word) => word !== "none" && word !== "-F");
  const lines = [];
  for (const word of jump) if (word !== "-o") lines.push(`  ${word.replace("=", " ")}`);
  const general = ["Host *", ...lines].join("\n");
  const { sshPort } = cluster.joe.options;
  await Deno.writeTextFile(
    `${work}/config`,
    [
      "Host recorded",
      `  HostName ${HOST}`,
      `  User ${cluster.login}`,
      `  Port ${sshd.port}`,
      `  ProxyCommand ${cluster.proxyCommand()}`,
      "Host jumped",
      `  HostName ${HOST}`,
      `  User ${cluster.login}`,
      `  Port ${sshd.port}`,
      "  ProxyJump door",
      "  ForwardAgent yes",
      "Host door",
      "  HostName 127.0.0.1",
      `  User ${cluster.login}`,
      `  Port ${sshPort}`,
      general,
      "",
    ].join("\n"),
  );
  const ssh = (...words: string[]) => run("ssh", ["-F", `${work}/config`, ...words], { env: cluster.env });
  assertEquals(ok(await ssh("recorded", "echo by command")), "by command\n");
  assertEquals(
    ok(await ssh("jumped", "echo by jump; [ -S $SSH_AUTH_SOCK ] && echo lent")),
    "by jump\nlent\n",
  );
  const without = await ssh("-o", "ForwardAgent no", "jumped", "true");
  assertEquals(without.code, 255);
  assertStringIncludes(without.stderr, "SSH agent forwarding");
});

Deno.test("tsh config knows that the proxy records, and stock ssh with its block gets to a node", async () => {
  const block = ok(await cluster.joe.tsh(["config"]));
  assertStringIncludes(block, "-o ForwardAgent=yes");
  await Deno.writeTextFile(`${work}/block`, block);
  const words = ["-F", `${work}/block`, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"];
  const target = `${cluster.login}@alpha.main`;
  assertEquals(ok(await run("ssh", [...words, target, "echo by block"], { env: cluster.env })), "by block\n");
});

Deno.test("without a forwarded agent the connection is refused, and the refusal names agent forwarding", async () => {
  const words = [...cluster.throughProxy(false), ...port(), target(), "true"];
  const { code, stderr } = await run("ssh", words, { env: cluster.env });
  assertEquals(code, 255);
  assertStringIncludes(stderr, "teleport: sessions of this cluster are recorded by its proxies");
  assertStringIncludes(stderr, "SSH agent forwarding");
  const event = await cluster.daemon.event("proxy.connect", ({ success }) => success === false);
  assertStringIncludes(String(event.error), "recorded by its proxies");
});

Deno.test("an agent without the user's certificate is told what it lacks", async () => {
  const identity = ["-i", cluster.joe.keyFile, "-o", "IdentitiesOnly=yes"];
  const { sshPort } = cluster.joe.options;
  const proxy = ["ssh", ...cluster.common, ...identity, "-A", "-p", `${sshPort}`, "%r@127.0.0.1", "-s"];
  const words = [...cluster.common, ...identity, "-o", `ProxyCommand=${proxy.join(" ")} proxy:%h:%p`];
  const { stdout } = await run("ssh-agent", ["-a", `${work}/empty-agent`]);
  try {
    const env = { ...cluster.env, SSH_AUTH_SOCK: `${work}/empty-agent` };
    const { code, stderr } = await run("ssh", [...words, ...port(), target(), "true"], { env });
    assertEquals(code, 255);
    assertStringIncludes(stderr, `the forwarded agent holds no certificate of joe for the login`);
  } finally {
    await run("kill", [/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1] ?? ""]);
  }
});

Deno.test("the agent goes on to the host only when the user forwards it a second time", async () => {
  assertEquals(ok(await stock(target(), "echo [$SSH_AUTH_SOCK]")), "[]\n");
  assertStringIncludes(ok(await stock("-A", target(), "ssh-add -l")), "teleport:joe");
});

Deno.test("a host that shows a plain key is refused with the manual's words, for ssh and tsh", async () => {
  await using plain = await StockSshd.start(cluster.trustingLines);
  const text = "ssh: handshake failed: remote host presented a public key, expected a host certificate";
  const at = ["-p", String(plain.port), target(), "true"];
  for (const result of [await cluster.ssh(at), await cluster.joe.tsh(["ssh", ...at])]) {
    assertEquals(result.code, 255);
    assertStringIncludes(result.stderr, text);
  }
  const address = `${HOST}:${plain.port}`;
  const event = await cluster.daemon.event("proxy.connect", (event) => event.addr === address);
  assertEquals([event.success, event.user, event.name], [false, "joe", HOST]);
  assertStringIncludes(String(event.error), text);
});

/** A server of OpenSSH with a certificate that somebody else's CA made. */
async function foreignSshd(name: string): Promise<StockSshd> {
  const [ca, key] = [`${work}/${name}-ca`, `${work}/${name}-key`];
  for (const path of [ca, key]) await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
  const signed = await run("ssh-keygen", ["-q", "-s", ca, "-I", "x", "-h", "-n", HOST, `${key}.pub`]);
  assertEquals(signed.code, 0, signed.stderr);
  return await StockSshd.start([
    ...cluster.trustingLines,
    `HostKey ${key}`,
    `HostCertificate ${key}-cert.pub`,
  ]);
}

Deno.test("a host certificate of another CA is refused", async () => {
  await using foreign = await foreignSshd("foreign");
  const { code, stderr } = await cluster.ssh(["-p", String(foreign.port), target(), "true"]);
  assertEquals(code, 255);
  assertStringIncludes(
    stderr,
    "ssh: handshake failed: the certificate is signed by an authority that is not",
  );
});

Deno.test("a certificate of the cluster for another name is refused", async () => {
  const key = `${work}/other_name`;
  const sign = ["auth", "sign", "--host=other.example.com", "--format=openssh", `--out=${key}`];
  await cluster.daemon.tctlOk(...sign);
  const own = [`HostKey ${key}`, `HostCertificate ${key}-cert.pub`];
  await using other = await StockSshd.start([...cluster.trustingLines, ...own]);
  const { code, stderr } = await cluster.ssh(["-p", String(other.port), target(), "true"]);
  assertEquals(code, 255);
  assertStringIncludes(stderr, `"${HOST}" is not among the certificate's principals`);
});

Deno.test("an sshd that does not trust the cluster's users is told apart from one that cannot be reached", async () => {
  const key = `${cluster.daemon.directory}/sshd_host_key`;
  const own = [`ListenAddress ${HOST}`, `HostKey ${key}`, `HostCertificate ${key}-cert.pub`];
  await using stranger = await StockSshd.start(own);
  const refused = await cluster.ssh(["-p", String(stranger.port), target(), "true"]);
  assertEquals(refused.code, 255);
  assertStringIncludes(refused.stderr, `it refused the login as ${cluster.login}; its sshd must trust`);
  const nobody = await cluster.ssh(["-p", String(freePort()), target(), "true"]);
  assertEquals(nobody.code, 255);
  assertStringIncludes(nobody.stderr, "nobody listens there");
});

Deno.test("proxy_checks_host_keys: no lets the proxy go on to a host with a plain key, and warns at the start", async () => {
  const auth = { session_recording: "proxy", proxy_checks_host_keys: "no" };
  await using lax = await RecordingCluster.start("tplax", { auth });
  await using plain = await StockSshd.start(lax.trustingLines);
  const words = ["-p", String(plain.port), "-tt", `${lax.login}@${HOST}`, "echo unchecked"];
  const { code, stdout, stderr } = await lax.ssh(words);
  assertEquals([code, stdout], [0, "unchecked\r\n"], stderr);
  assertStringIncludes(lax.daemon.stderr, "recording proxies do not check the keys of hosts");
});

Deno.test("exit statuses, signals, standard error, input and its end go through as they are", async () => {
  const both = await stock(target(), "cat; echo trouble >&2; exit 9");
  assertEquals([both.code, both.stderr], [9, "trouble\n"]);
  const text = "x".repeat(3_000_000);
  const counted = await cluster.ssh([...port(), target(), "wc -c"], { stdin: text });
  assertEquals(counted.stdout.trim(), String(text.length));
  const client = await connectAs(cluster.joe);
  try {
    const host = await client.node(HOST, sshd.port, cluster.login);
    const killed = await host.exec("kill -USR1 $$");
    for (const output of [killed.stream, killed.stderr]) output.resume();
    assertEquals((await killed.exit).signal, "USR1");
    const sleeping = await host.exec("echo up; exec sleep 600");
    sleeping.stderr.resume();
    await new Promise((up) => sleeping.stream.once("data", up)); // sshd loses signals for what is only starting
    sleeping.stream.resume();
    sleeping.signal("TERM");
    assertEquals((await sleeping.exit).signal, "TERM");
  } finally {
    client.close();
  }
});

Deno.test("windows that change size reach the host and the recording", async () => {
  const wish = { host: HOST, port: sshd.port, columns: 70, rows: 20 };
  using shell = await LiveTerminal.open(cluster.joe, cluster.login, wish);
  shell.type("stty size\n");
  await shell.shows("20 70");
  shell.session.resize({ columns: 99, rows: 33, width: 0, height: 0 });
  shell.type("stty size; echo $SSH_SESSION_ID\n");
  await shell.shows("33 99");
  const resize = await cluster.daemon.event("resize", ({ size }) => size === "99:33");
  await shell.shows(String(resize.sid));
  shell.type("exit 4\n");
  assertEquals((await shell.exit).code, 4);
});

Deno.test("files go through: scp in both protocols, sftp in batches, rsync and git", async () => {
  const remote = `${target()}:`;
  const tree = `${work}/tree`;
  await makeTree(tree);
  const files = { env: { ...cluster.env } };
  const through = cluster.throughProxy();
  const P = ["-P", String(sshd.port)];
  for (const mode of [[], ["-O"]]) {
    const name = `copied${mode.length}`;
    ok(await run("scp", [...through, ...P, ...mode, "-rp", tree, `${remote}${name}`], files));
    ok(await run("scp", [...through, ...P, ...mode, "-rp", `${remote}${name}`, `${work}/${name}`], files));
    assertEquals(await readTree(`${work}/${name}`), await readTree(tree));
  }
  const batch = "put tree/255k put-by-sftp\nrename put-by-sftp renamed\nget renamed got-by-sftp\n";
  ok(await run("sftp", [...through, ...P, "-b", "-", target()], { ...files, stdin: batch, cwd: work }));
  assertEquals(await Deno.readFile(`${work}/got-by-sftp`), await Deno.readFile(`${tree}/255k`));
  const ssh = ["ssh", ...through, ...port()].map((word) => `'${word}'`).join(" ");
  ok(await run("rsync", ["-a", "-e", ssh, `${tree}/`, `${remote}synced/`], files));
  ok(await run("rsync", ["-a", "-e", ssh, `${remote}synced/`, `${work}/synced/`], files));
  assertEquals(await readTree(`${work}/synced`), await readTree(tree));
  ok(await stock(target(), "git init -q --bare repo.git"));
  const git = (...words: string[]) =>
    run("git", words, { env: { ...cluster.env, GIT_SSH_COMMAND: ssh }, cwd: work });
  ok(await git("clone", "-q", `${remote}repo.git`, "cloned"));
  await Deno.writeTextFile(`${work}/cloned/file`, "content");
  const commit = ["-c", "user.name=joe", "-c", "user.email=joe@example.com", "commit", "-qm", "one"];
  for (const words of [["add", "file"], commit, ["push", "-q", "origin", "HEAD:main"]]) {
    ok(await git("-C", "cloned", ...words));
  }
  ok(await git("clone", "-q", "-b", "main", `${remote}repo.git`, "again"));
  assertEquals(await Deno.readTextFile(`${work}/again/file`), "content");
  const event = await cluster.daemon.event("subsystem");
  assertEquals([event["subsystem.name"], event.user, event.name], ["sftp", "joe", HOST]);
});

Deno.test("a subsystem on a terminal is recorded like a shell", async () => {
  const { code, stdout } = await stock("-tt", "-s", target(), "greeting");
  assertEquals([code, stdout], [0, "hello from the subsystem\r\n"]);
  const sid = await sessionOf("subsystem greeting");
  assertEquals(await cluster.played(sid), "hello from the subsystem\r\n");
});

Deno.test("tsh scp copies to and from OpenSSH's server behind a recording proxy", async () => {
  await Deno.writeTextFile(`${work}/letter`, "by tsh");
  const scp = (...words: string[]) => cluster.joe.tsh(["scp", "-P", String(sshd.port), ...words]);
  ok(await scp(`${work}/letter`, `${target()}:letter`));
  ok(await scp(`${target()}:letter`, `${work}/answer`));
  assertEquals(await Deno.readTextFile(`${work}/answer`), "by tsh");
});

Deno.test("connections are forwarded both ways, to ports and to sockets", async () => {
  await using service = TextService.onPort("hello from the port");
  const [local, remote] = [freePort(), freePort()];
  const forwards = [
    ...["-o", "ExitOnForwardFailure=yes"],
    ...["-L", `${local}:127.0.0.1:${service.port}`, "-R", `${remote}:127.0.0.1:${service.port}`],
  ];
  const child = spawn("ssh", [...cluster.throughProxy(), ...port(), ...forwards, "-N", target()], {
    env: cluster.env,
  });
  try {
    assertEquals(await saidAtLast(local), "hello from the port");
    assertEquals(await saidAtLast(remote), "hello from the port");
  } finally {
    child.kill("SIGTERM");
    await Promise.all([child.output(), child.stdin.close()]);
  }
  const event = await cluster.daemon.event("port", ({ forwarded }) => forwarded === "listener");
  assertEquals([event.success, event.user, event.name], [true, "joe", HOST]);
  await using socket = await TextService.onSocket(`${work}/service.sock`, "hello from the socket", 0o666);
  await Deno.chmod(work, 0o711);
  const [here, there] = [`${work}/here.sock`, `/tmp/${crypto.randomUUID()}.sock`];
  const sockets = ["-L", `${here}:${work}/service.sock`, "-R", `${there}:${work}/service.sock`];
  const second = spawn("ssh", [...cluster.throughProxy(), ...port(), ...sockets, "-N", target()], {
    env: cluster.env,
  });
  try {
    assertEquals(await saidAtLast(here), "hello from the socket");
    assertEquals(await saidAtLast(there), "hello from the socket");
  } finally {
    second.kill("SIGTERM");
    await Promise.all([second.output(), second.stdin.close()]);
    await run("rm", ["-f", there]); // OpenSSH's server leaves it
  }
  assertEquals(socket.received.length >= 2, true);
});

Deno.test(
  "windows of programs on OpenSSH's server are shown, with the real cookie in the place of the made-up one",
  {
    ignore: NO_XAUTH,
  },
  async () => {
    await Deno.mkdir(`${work}/x11`);
    await using screen = await Screen.start(`${work}/x11`);
    const words = [...port(), "-Y", target(), "bash -s"];
    const { stdout, stderr } = await cluster.ssh(words, { env: screen.env, stdin: WINDOW });
    assertStringIncludes(stdout, "drawn", stderr);
    const cookie = [...screen.setups[0]?.slice(-16) ?? []].map((byte) => byte.toString(16).padStart(2, "0"));
    assertEquals(cookie.join(""), COOKIE);
    assertEquals(stdout.includes(COOKIE), false, "the host never sees it");
    const event = await cluster.daemon.event("port", ({ forwarded }) => forwarded === "x11");
    assertEquals([event.success, event.user, event.name], [true, "joe", HOST]);
  },
);

Deno.test("a client that is killed takes its program on the host with it, and the recording has an end", async () => {
  const number = `31${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  const words = [...cluster.throughProxy(), ...port(), "-tt", target(), `echo begun; exec sleep ${number}`];
  const child = spawn("ssh", words, { env: cluster.env });
  const start = await cluster.daemon.event(
    "session.start",
    ({ command }) => String(command).includes(number),
  );
  await eventually(
    "the program",
    async () => (await processesWith(`sleep ${number}`)).length > 1 || undefined,
  );
  Deno.kill(-child.pid, "SIGKILL");
  await cluster.daemon.event("session.end", ({ sid }) => sid === start.sid);
  await noProcessWith(`sleep ${number}`);
  await Promise.allSettled([child.status, child.stdout.cancel(), child.stderr.cancel(), child.stdin.close()]);
});

Deno.test("one connection carries many sessions of stock ssh", async () => {
  const control = ["-o", `ControlPath=${work}/control`];
  const open = ["-o", "ControlMaster=yes", "-o", "ControlPersist=yes"];
  ok(await stock(...control, ...open, target(), "true"));
  try {
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) => stock(...control, target(), `echo ${i}; exit ${i}`)),
    );
    assertEquals(results.map(({ stdout, code }) => [stdout, code]), results.map((_, i) => [`${i}\n`, i]));
  } finally {
    await stock(...control, "-O", "exit", target());
  }
});

Deno.test("what goes over connections is bounded by the slowest: nothing is lost, and the proxy holds little", async () => {
  const bytes = 200_000_000;
  const child = spawn("ssh", [...cluster.throughProxy(), ...port(), target(), `head -c ${bytes} /dev/zero`], {
    env: cluster.env,
  });
  await child.stdin.close();
  const reader = child.stdout.getReader();
  await reader.read();
  const before = await memory();
  await atRest();
  const grown = await memory() - before;
  let seen = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) seen += part.value.length;
  await Promise.all([child.status, child.stderr.cancel()]);
  assert(seen > bytes - 10_000_000, `${seen} bytes came`);
  assert(grown < 60_000, `the daemon has grown by ${grown} KiB`);
});

/** Settles when the daemon has had nothing to do for a while: everything waits for the reader. */
async function atRest(): Promise<void> {
  const pid = await cluster.daemon.pid();
  let last = "";
  let same = 0;
  await eventually("the daemon to rest", async () => {
    const fields = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ")[1]?.split(" ") ?? [];
    const time = fields.slice(11, 13).join(" ");
    same = time === last ? same + 1 : 0;
    last = time;
    return same >= 4 || undefined;
  });
}

/** Of the daemon, in KiB. */
async function memory(): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${await cluster.daemon.pid()}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]);
}

Deno.test("forty tsh at once get to an sshd with MaxStartups 50:30:100, and so they do with OpenSSH's default", async () => {
  await using narrow = await cluster.sshd(["MaxStartups 10:30:100"]);
  for (const { port } of [sshd, narrow]) {
    const all = Array.from(
      { length: 40 },
      () => cluster.joe.tsh(["ssh", "-p", String(port), target(), "true"], { timeoutMs: 120_000 }),
    );
    const results = await Promise.all(all);
    assertEquals(results.map(({ code, stderr }) => `${code} ${stderr}`), results.map(() => "0 "));
  }
});

Deno.test("sessions of OpenSSH's servers are listed while they run, joined through the proxy, and ended", async () => {
  const wish = { host: HOST, port: sshd.port };
  using shell = await LiveTerminal.open(cluster.joe, cluster.login, wish);
  shell.type("echo sid=$SSH_SESSION_ID=\n");
  const sid = await eventually("the session's id", () => /sid=([0-9a-f-]{36})=/.exec(shell.text)?.[1]);
  interface Listed {
    sid: string;
    node: string;
    server: string;
  }
  const session = await eventually("the list", async () => {
    const { stdout } = await cluster.joe.tsh(["sessions", "--format=json"]);
    return (JSON.parse(stdout) as Listed[]).find((session) => session.sid === sid);
  });
  assertEquals(session.node, HOST);
  using guest = await LiveTerminal.join(cluster.joe, cluster.login, sid, { host: session.server });
  await guest.shows(`sid=${sid}=`);
  guest.type("echo typed by the $((1+1))nd\n");
  await shell.shows("typed by the 2nd");
  await cluster.daemon.tctlOk("sessions", "end", sid);
  await Promise.all([shell.exit, guest.exit]);
  assertStringIncludes(shell.text, "ended by");
  const end = await cluster.daemon.event("session.end", (event) => event.sid === sid);
  assertStringIncludes(String(end.reason), "ended by");
});

Deno.test("a node on another machine is recorded by the proxy, where its sessions are joined", async () => {
  await using two = await RecordingCluster.start("tptwo", { node: { enabled: "no" } });
  const node = await startNode(two.daemon, {
    nodename: "beta",
    token: await joinToken(two.daemon),
    labels: { env: "staging" },
  });
  try {
    using shell = await LiveTerminal.open(two.joe, two.login, { host: "beta" });
    shell.type("PS1='ready> '; echo sid=$SSH_SESSION_ID=\n");
    const sid = await eventually("the session's id", () => /sid=([0-9a-f-]{36})=/.exec(shell.text)?.[1]);
    const session = await eventually("the list", async () => {
      const { stdout } = await two.joe.tsh(["sessions", "--format=json"]);
      return (JSON.parse(stdout) as { sid: string; node: string; server: string }[])
        .find((session) => session.sid === sid);
    });
    assertEquals(session.node, "beta");
    using guest = await LiveTerminal.join(two.joe, two.login, sid, { host: session.server });
    await guest.shows("ready> ");
    guest.type("exit 7\n");
    assertEquals([(await shell.exit).code, (await guest.exit).code], [7, 7]);
    using nowhere = await LiveTerminal.open(two.joe, two.login, { host: session.server });
    await nowhere.shows("this proxy has no shell");
    await two.daemon.event("session.end", (event) => event.sid === sid);
    const started = (await two.daemon.events()).filter(({ event }) => event === "session.start");
    assertEquals(started.map(({ sid, name }) => [sid, name]), [[sid, "beta"]]);
    assertEquals((await two.recordings()).filter((name) => name.endsWith(".log")), [`${sid}.session.log`]);
  } finally {
    await node.stop();
  }
});

Deno.test("a session that cannot be recorded does not begin", async () => {
  const runs = `${cluster.daemon.dataDir}/proxy/runs`;
  const [{ name } = { name: "" }] = [...Deno.readDirSync(runs)];
  const folder = `${runs}/${name}/recordings`;
  await Deno.rename(folder, `${folder}-away`);
  try {
    const { code, stdout, stderr } = await stock("-tt", target(), "echo unrecorded");
    assertEquals([code, stdout], [255, ""]);
    assertStringIncludes(stderr, "cannot record session");
  } finally {
    await Deno.rename(`${folder}-away`, folder);
  }
});

Deno.test("record_commands has commands without a terminal recorded, too", async () => {
  const auth = { session_recording: "proxy", record_commands: "yes" };
  await using strict = await RecordingCluster.start("tpcmd", { auth });
  await using server = await strict.sshd();
  const words = ["-p", String(server.port), `${strict.login}@${HOST}`, "echo a command; echo aside >&2"];
  const { stdout, stderr } = await strict.ssh(words);
  assertEquals([stdout, stderr], ["a command\n", "aside\n"]);
  const { sid } = await strict.daemon.event("session.end");
  const played = await strict.played(String(sid));
  assertStringIncludes(played, "a command");
  assertStringIncludes(played, "aside");
});

Deno.test("a daemon that stops ends the sessions that its proxy records, and each leaves its end", async () => {
  await using stopped = await RecordingCluster.start("tpstop");
  await using server = await stopped.sshd();
  const wish = { host: HOST, port: server.port, command: "echo before; sleep 600" };
  using shell = await LiveTerminal.open(stopped.joe, stopped.login, wish);
  await shell.shows("before");
  await stopped.daemon.signal("SIGTERM");
  const ends = (await stopped.daemon.events()).filter(({ event }) => event === "session.end");
  assertEquals(ends.map(({ user, name, interrupted }) => [user, name, interrupted]), [[
    "joe",
    HOST,
    undefined,
  ]]);
});

Deno.test("after kill -9 of the proxy what was shown until then replays, and the session has an end", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-killed-proxy-" });
  await Deno.chmod(directory, 0o711);
  try {
    const doomed = await RecordingCluster.start("tpkill", { directory });
    const server = await doomed.sshd();
    try {
      const wish = { host: HOST, port: server.port, command: "echo before the end; sleep 600" };
      using shell = await LiveTerminal.open(doomed.joe, doomed.login, wish);
      await shell.shows("before the end");
      const { sid } = await doomed.daemon.event("session.start");
      await doomed.daemon.signal("SIGKILL");
      await doomed.restart();
      const end = await doomed.daemon.event("session.end", (event) => event.sid === sid);
      assertEquals([end.user, end.name, end.interrupted], ["joe", HOST, true]);
      const verified = await eventually("the recording", async () => {
        const { code, stdout } = await doomed.daemon.tctl("recordings", "verify", String(sid));
        return code === 0 && stdout.includes("signed by host") ? stdout : undefined;
      });
      assertMatch(verified, /^unchanged, signed by host/);
      const log = `${doomed.daemon.dataDir}/log/sessions/default/${sid}.session.bytes`;
      assertStringIncludes(await Deno.readTextFile(log), "before the end");
    } finally {
      await server[Symbol.asyncDispose]();
      await doomed[Symbol.asyncDispose]();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
