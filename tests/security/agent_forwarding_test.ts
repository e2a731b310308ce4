import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { exists, withoutRoot } from "../kit/machine.ts";
import { OwnCluster } from "../kit/certified_user.ts";
import { LentAgent } from "../kit/lent_agent.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { run } from "../kit/run.ts";

let lent: LentAgent;

Deno.test.beforeAll(async () => {
  lent = await LentAgent.start("tplent");
});

Deno.test.afterAll(() => lent[Symbol.asyncDispose]());

Deno.test("the host where an agent is lent can neither empty, lock nor load it", async () => {
  const before = await lent.agent.list();
  const askpass = `#!/bin/sh\\necho secret\\n`;
  const script = [
    `f=$(mktemp); printf '${askpass}' >$f; chmod 700 $f`,
    "export SSH_ASKPASS=$f SSH_ASKPASS_REQUIRE=force DISPLAY=:0",
    "ssh-add -D; echo removed all: $?",
    "ssh-add -x; echo locked: $?",
    "ssh-add -s /usr/lib/x86_64-linux-gnu/libc.so.6; echo loaded: $?",
    "d=$(mktemp -d); ssh-keygen -q -t ed25519 -N '' -f $d/k; ssh-add $d/k; echo added: $?",
    "ssh-add -l >/dev/null; echo listed: $?; rm -r $f $d",
  ].join("\n");
  const { stdout } = await lent.ssh(script);
  const results = stdout.split("\n").filter((line) => /^(removed|locked|loaded|added|listed)/.test(line));
  assertEquals(results, ["removed all: 1", "locked: 1", "loaded: 1", "added: 1", "listed: 0"], stdout);
  assertEquals(await lent.agent.list(), before);
});

Deno.test("another user of the host cannot use a lent agent, also not with rights to its folder", {
  ignore: withoutRoot("a second user"),
}, async () => {
  await using other = await TemporaryUser.create("tpother");
  await using session = lent.joe.sshInBackground(["-A"], ["echo $SSH_AUTH_SOCK; sleep 60"], lent.agent.env);
  const path = await session.firstLine();
  const as = (user: string) =>
    run("setpriv", [`--reuid=${user}`, `--regid=${user}`, "--init-groups", "ssh-add", "-l"], {
      env: { SSH_AUTH_SOCK: path },
    });
  assertEquals((await as(lent.joe.login)).code, 0);
  assertEquals((await as(other.name)).code, 2, "no connection");
  await Deno.chmod(path.slice(0, path.lastIndexOf("/")), 0o755);
  await Deno.chmod(path, 0o666);
  const stranger = await as(other.name);
  assertEquals(stranger.stdout, "");
  assert(stranger.code !== 0, "who connects is looked at, too");
  assertEquals((await as("root")).code, 0);
});

Deno.test("without the permit there is no agent; the session runs, and the audit log has the reason", async () => {
  const guest = await lent.cluster.user("guest", [lent.joe.login], ["pty"]);
  const { stdout, stderr } = await guest.ssh(["-A", "-v"], ["echo [$SSH_AUTH_SOCK]"], {
    env: lent.agent.env,
  });
  assertEquals(stdout, "[]\n");
  assertStringIncludes(stderr, "agent forwarding is not permitted by your certificate");
  const event = await lent.cluster.daemon.event("port", (event) => event.user === "guest");
  assertEquals([event.success, event.forwarded], [false, "agent"]);
  assertStringIncludes(String(event.error), "not permitted");
});

Deno.test("what a killed node has left of an agent goes when it starts again, and nothing else", async () => {
  await using own = await OwnCluster.start();
  const user = await own.user("jane", [lent.joe.login], ["agent-forwarding"]);
  const session = user.sshInBackground(["-A"], ["echo $SSH_AUTH_SOCK; sleep 60"], lent.agent.env);
  const path = await session.firstLine();
  await own.daemon.signal("SIGKILL");
  await session.end();
  assertEquals(await exists(path), true);
  const folder = path.slice(0, path.lastIndexOf("/"));
  const prefix = folder.slice(0, folder.lastIndexOf("-"));
  const bystander = `${prefix}-0000000000000000`;
  await Deno.mkdir(bystander, { mode: 0o700 });
  await Deno.writeTextFile(`${bystander}/precious`, "");
  await Deno.symlink("/etc", `${prefix}-1111111111111111`);
  await own.restart();
  assertEquals(await exists(folder), false);
  assertEquals(await exists(`${bystander}/precious`), true);
  assertEquals(await exists(`${prefix}-1111111111111111`), true);
  await Deno.remove(bystander, { recursive: true });
  await Deno.remove(`${prefix}-1111111111111111`);
});
