import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { OwnCluster } from "../kit/certified_user.ts";
import { Daemon } from "../kit/cluster.ts";
import { freePort, LOGIN, withoutRoot } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { SshAgent } from "../kit/ssh_agent.ts";
import { TextService } from "../kit/text_service.ts";

Deno.test("a daemon of an ordinary user opens sessions as itself and refuses other logins with the reason", {
  ignore: withoutRoot("a daemon that runs as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tpdaemon");
  await using daemon = await Daemon.start({ runAs: account.name, env: { USER: account.name } });
  const joe = await daemon.user("joe", [account.name, "root", "nobody"]);
  await joe.loginOk();

  const own = await joe.tsh(["ssh", `${account.name}@alpha`, "id -un; id -u"]);
  assertEquals(own.stdout, `${account.name}\n${account.uid}\n`, own.stderr);
  const terminal = await joe.tsh(["ssh", "-t", `${account.name}@alpha`, "id -un; tty"]);
  assertMatch(terminal.stdout, new RegExp(`^${account.name}\r\n/dev/pts/\\d+\r\n$`));
  const stock = await joe.ssh(`${account.name}@alpha`, "id -un");
  assertEquals(stock.stdout, `${account.name}\n`);

  for (const login of ["root", "nobody"]) {
    const refused = await joe.tsh(["ssh", `${login}@alpha`, "id -un"]);
    assertEquals(refused.code, 1);
    assertEquals(refused.stdout, "");
    assertStringIncludes(refused.stderr, `access denied to ${login} connecting to alpha`);
    const event = await daemon.event("auth", (event) => event.login === login && event.success === false);
    assertEquals(event.user, "joe");
    assertMatch(String(event.error), new RegExp(`runs as "${account.name}".* not as "${login}"`));
  }
  const files = await Deno.stat(`${daemon.dataDir}/auth/admin.json`);
  assertEquals(files.uid, account.uid);
});

Deno.test("a login that the host does not have is refused with the reason in the audit log", async () => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe", ["no-such-os-user", LOGIN]);
  await joe.loginOk();
  const refused = await joe.tsh(["ssh", "no-such-os-user@alpha", "true"]);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "access denied to no-such-os-user connecting to alpha");
  const event = await daemon.event("auth", (event) => event.login === "no-such-os-user");
  assertEquals(event.success, false);
  assertEquals(event.user, "joe");
  assertStringIncludes(String(event.error), "there is no OS user");
});

Deno.test("a session has the user's own groups, home and shell, and none of the daemon's", {
  ignore: withoutRoot("sessions as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tpsession", ["audio", "video"]);
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe", [account.name]);
  await joe.loginOk();
  const { stdout } = await joe.tsh([
    "ssh",
    `${account.name}@alpha`,
    "id -Gn; pwd; echo $SHELL; umask; id -u; ls -l /proc/self/fd | wc -l",
  ]);
  const [groups = "", home, shell, umask, uid] = stdout.split("\n");
  assertEquals(groups.split(" ").sort(), [account.name, "audio", "video"].sort());
  assertEquals([home, shell, uid], [account.home, "/bin/sh", String(account.uid)]);
  assertEquals(umask, "0022");
  const terminal = await joe.tsh(["ssh", "-t", `${account.name}@alpha`, "id -Gn; stat -c '%U %a' $(tty)"]);
  const [ptyGroups = "", owner] = terminal.stdout.split("\r\n");
  assertEquals(ptyGroups.split(" ").sort(), [account.name, "audio", "video"].sort());
  assertMatch(owner ?? "", new RegExp(`^${account.name} 6[02]0$`));
});

Deno.test("a daemon of an ordinary user lends agents and makes and reaches sockets as itself", {
  ignore: withoutRoot("a daemon that runs as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tpforward");
  await using agent = await SshAgent.start();
  await using own = await OwnCluster.start({ runAs: account.name, env: { USER: account.name } });
  const joe = await own.user("joe", [account.name], ["port-forwarding", "agent-forwarding"]);
  const command = 'ssh-add -l; stat -c "%U %a" $SSH_AUTH_SOCK';
  const lent = await joe.ssh(["-A"], [command], { env: agent.env });
  assertEquals(lent.stdout, `${agent.fingerprint}\n${account.name} 600\n`, lent.stderr);

  await using service = TextService.onPort("on the client's side");
  const path = `${account.home}/socket`;
  const port = freePort();
  const target = `127.0.0.1:${service.port}`;
  await using ssh = joe.sshInBackground(["-N", "-R", `${path}:${target}`, "-R", `${port}:${target}`]);
  assertEquals(await ssh.said(path), "on the client's side");
  assertEquals(await ssh.said(port), "on the client's side");
  assertEquals((await Deno.stat(path)).uid, account.uid);
  const low = await joe.ssh(["-v", "-R", "80:127.0.0.1:1"], ["echo", "went on"]);
  assertEquals(low.stdout, "went on\n");
  assertStringIncludes(low.stderr, "ports below 1024 are for root only");
});
