import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { run, runProgram } from "../kit/run.ts";
import { StockSshd } from "../kit/stock_sshd.ts";

let cluster: Daemon;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start();
  await cluster.user("joe", [LOGIN]);
});

Deno.test.afterAll(() => cluster.stop());

async function listing(path: string): Promise<string> {
  const { code, stdout, stderr } = await run("ssh-keygen", ["-L", "-f", path]);
  assertEquals(code, 0, stderr);
  return stdout;
}

Deno.test("tctl auth sign --host makes a host certificate with which OpenSSH's server proves itself", async () => {
  const path = `${cluster.directory}/sshd_key`;
  const said = await cluster.tctlOk(
    "auth",
    "sign",
    "--host=node.example.com,ip6-localhost",
    "--format=openssh",
    `--out=${path}`,
  );
  assertEquals(said, `\nThe certificate has been written to ${path}\n`);
  const text = await listing(`${path}-cert.pub`);
  assertStringIncludes(text, "host certificate");
  assertMatch(text, /Principals: \n +node\.example\.com\n +ip6-localhost\n/);
  assertMatch(text, /Valid: .* to forever|Valid: after/);
  assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);

  const authority = (await cluster.tctlOk("auth", "export", "--type=host")).split(" ").slice(2).join(" ");
  const known = `${cluster.directory}/sign_known_hosts`;
  await Deno.writeTextFile(known, `@cert-authority node.example.com ${authority}`);
  await using sshd = await StockSshd.start([`HostKey ${path}`, `HostCertificate ${path}-cert.pub`]);
  const login = (alias: string) =>
    run("ssh", [
      ...["-F", "none", "-i", `${sshd.directory}/user`, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
      ...["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${known}`],
      ...["-o", "GlobalKnownHostsFile=/dev/null", "-p", String(sshd.port), "-o", `HostKeyAlias=${alias}`],
      ...[`${LOGIN}@127.0.0.1`, "true"],
    ]);
  const { code, stderr } = await login("node.example.com");
  assertEquals(code, 0, stderr);
  assertEquals((await login("other.example.com")).code, 255);
});

Deno.test("a host certificate is not made for a name of a member or of the cluster", async () => {
  const sign = (name: string) =>
    cluster.tctl("auth", "sign", `--host=${name}`, "--format=openssh", `--out=${cluster.directory}/no`);
  const refusals: [string, RegExp][] = [
    ["alpha", /"alpha" is the name of [0-9a-f-]{36}, a host of this cluster/],
    ["ALPHA.main", /is the name of/],
    ["main", /a name of the cluster itself/],
    [crypto.randomUUID(), /the form of a host's id/],
    ["a b", /names/],
  ];
  for (const [name, reason] of refusals) {
    const { code, stderr } = await sign(name);
    assertEquals(code, 1, name);
    assertMatch(stderr, reason);
  }
});

Deno.test("tctl auth sign --user makes an identity for robots, which tsh and ssh take, as long as is asked for", async () => {
  const file = `${cluster.directory}/robot.pem`;
  await cluster.tctlOk("auth", "sign", "--user=joe", "--ttl=87600h", `--out=${file}`);
  const { proxySsh } = await cluster.addresses();
  const proxy = (await cluster.webAddress()).replace(/$/, `,${proxySsh?.port}`);
  const tsh = await run(Deno.execPath(), [
    ...["run", "-A", "-q", "--no-check", "main.ts", "tsh", `--proxy=${proxy}`, "-i", file],
    ...["ssh", `${LOGIN}@alpha`, "echo robot"],
  ], { env: { HOME: cluster.directory } });
  assertEquals([tsh.stdout, tsh.stderr], ["robot\n", ""]);
  const about = await runProgram("tsh", [`--proxy=${proxy}`, "-i", file, "status"], {
    env: { HOME: cluster.directory },
  });
  assertMatch(about.stdout, /Logged in as: joe\n[^]*Cluster: +main\n[^]*valid for 87\d{3}h/);

  const key = `${cluster.directory}/robot`;
  await cluster.tctlOk("auth", "sign", "--user=joe", "--format=openssh", `--out=${key}`);
  const text = await listing(`${key}-cert.pub`);
  assertStringIncludes(text, 'Key ID: "joe"');
  assertMatch(text, new RegExp(`Principals: \\n +${LOGIN}\\n`));
  const days = await cluster.event("cert.create", (event) => event.user === "joe" && "by" in event);
  assert(Date.parse(String(days.expires)) > Date.now() + 3600 * 24 * 365 * 1000);
});

Deno.test("certificates for OpenSSH 7.1 and older leave out what it cannot read, and open the same doors", async () => {
  const ann = await cluster.user("ann", [LOGIN]);
  await ann.loginOk(["--cert-format=oldssh"]);
  const greeting = await ann.tsh(["ssh", `${LOGIN}@alpha`, "echo in"]);
  assertEquals([greeting.stdout, greeting.stderr], ["in\n", ""]);
  const own = `${cluster.directory}/ann-old`;
  await ann.loginOk(["--cert-format", "oldssh", "--format=openssh", `--out=${own}`]);
  const key = `${cluster.directory}/robot-old`;
  await cluster.tctlOk("auth", "sign", "--user=ann", "--compat=oldssh", "--format=openssh", `--out=${key}`);
  for (const path of [own, key]) {
    const text = await listing(`${path}-cert.pub`);
    assertMatch(text, /permit-pty/);
    assert(!text.includes("teleport-roles"), text);
  }
  const wrong = await ann.tsh(["--cert-format=new", "ls"]);
  assertEquals(wrong.code, 1);
  assertMatch(wrong.stderr, /standard, oldssh/);
  const inline = await ann.tsh(["ssh", "--cert-format=new", `${LOGIN}@alpha`, "true"]);
  assertMatch(inline.stderr, /--cert-format is standard or oldssh, not "new"/);
});

Deno.test("what cannot be signed is refused with what to do", async () => {
  const refusals: [string[], string][] = [
    [[], "--user or --host must be specified"],
    [["--user=joe", "--host=x"], "--user or --host must be specified"],
    [["--host=x"], 'invalid --format flag "file"'],
    [["--user=nobody"], 'user "nobody" does not exist'],
    [["--user=joe", "--ttl=1s"], "its lifetime must be between 1 minute and 87600 hours"],
    [["--user=joe", "--ttl=1"], "is not a duration"],
  ];
  for (const [args, reason] of refusals) {
    const { code, stderr } = await cluster.tctl("auth", "sign", ...args);
    assertEquals(code, 1, args.join(" "));
    assertStringIncludes(stderr, reason);
  }
});

Deno.test("tctl auth gen makes a key pair and overwrites none", async () => {
  const [pub, priv] = [`${cluster.directory}/gen.pub`, `${cluster.directory}/gen`];
  const said = await cluster.tctlOk("auth", "gen", `--pub-key=${pub}`, `--priv-key=${priv}`);
  assertEquals(said, `wrote public key to: ${pub} and private key to: ${priv}\n`);
  const { stdout } = await run("ssh-keygen", ["-y", "-f", priv]);
  assertEquals(
    stdout.trim().split(" ").slice(0, 2),
    (await Deno.readTextFile(pub)).trim().split(" ").slice(0, 2),
  );
  for (const path of [pub, priv]) assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  assertEquals((await cluster.tctl("auth", "gen", `--pub-key=${pub}`, `--priv-key=${priv}`)).code, 1);
});
