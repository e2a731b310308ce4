import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "node:net";
import { AgentClient } from "../../src/ssh/agent.ts";
import { type CertifiedUser, hangUp, OwnCluster } from "../kit/certified_user.ts";
import { IS_ROOT, LOGIN, withoutRoot } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually, run } from "../kit/run.ts";
import { SshAgent } from "../kit/ssh_agent.ts";

let cluster: OwnCluster;
let account: TemporaryUser | undefined;
let agent: SshAgent;
let joe: CertifiedUser;

Deno.test.beforeAll(async () => {
  if (IS_ROOT) account = await TemporaryUser.create("tpagent");
  cluster = await OwnCluster.start();
  agent = await SshAgent.start();
  joe = await cluster.user("joe", [account?.name ?? LOGIN], ["pty", "agent-forwarding"]);
});

Deno.test.afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  await account?.[Symbol.asyncDispose]();
});

/** Stock ssh with the agent lent to the session. */
const withAgent = (command: string, args: string[] = []) =>
  joe.ssh(["-A", ...args], [command], { env: agent.env });

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("ssh -A lends the agent to the session: its keys are listed, in a command and on a terminal", async () => {
  for (const args of [[], ["-tt"]]) {
    const { stdout, stderr } = await withAgent("ssh-add -l", args);
    assertEquals(stdout.trim(), agent.fingerprint, stderr);
  }
  const event = await cluster.daemon.event("port", (event) => event.forwarded === "agent");
  assertEquals([event.success, event.user, event.login], [true, "joe", joe.login]);
});

Deno.test("without -A there is no agent, whatever the client's own environment says", async () => {
  const { stdout } = await joe.ssh(["-o", "SendEnv=SSH_AUTH_SOCK"], ["echo [$SSH_AUTH_SOCK]"], {
    env: agent.env,
  });
  assertEquals(stdout, "[]\n");
});

Deno.test("the socket and its folder are the login's own, and gone when the session ends", async () => {
  const { stdout } = await withAgent(
    'stat -c "%U %a" $SSH_AUTH_SOCK $(dirname $SSH_AUTH_SOCK); echo $SSH_AUTH_SOCK',
  );
  const [socket, folder, path = ""] = stdout.split("\n");
  assertEquals([socket, folder], [`${joe.login} 600`, `${joe.login} 700`]);
  assertMatch(path, /^\/tmp\/teleport-[\w-]+\/teleport-\d+\.socket$/);
  const directory = path.slice(0, path.lastIndexOf("/"));
  await eventually("the folder to be removed", async () => !(await exists(directory)) || undefined);
});

Deno.test("a hop signs with the lent agent", async () => {
  const { node } = await cluster.daemon.addresses();
  await agent.add(joe.keyFile);
  const hop = "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null " +
    `-o LogLevel=ERROR -p ${node?.port} ${joe.login}@127.0.0.1 echo hopped`;
  const { stdout, stderr } = await withAgent(hop);
  assertEquals(stdout, "hopped\n", stderr);
  assertEquals((await joe.ssh([], [hop], { env: agent.env })).stdout, "", "without the agent it cannot");
});

Deno.test("the host where an agent is lent can neither empty, lock nor load it", async () => {
  const before = await agent.list();
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
  const { stdout } = await withAgent(script);
  const results = stdout.split("\n").filter((line) => /^(removed|locked|loaded|added|listed)/.test(line));
  assertEquals(results, ["removed all: 1", "locked: 1", "loaded: 1", "added: 1", "listed: 0"], stdout);
  assertEquals(await agent.list(), before);
});

Deno.test("another user of the host cannot use a lent agent, also not with rights to its folder", {
  ignore: withoutRoot("a second user"),
}, async () => {
  await using other = await TemporaryUser.create("tpother");
  const child = joe.sshInBackground(["-A"], ["echo $SSH_AUTH_SOCK; sleep 60"], agent.env);
  const reader = child.stdout.getReader();
  try {
    const path = new TextDecoder().decode((await reader.read()).value).trim();
    const as = (user: string) =>
      run("setpriv", [`--reuid=${user}`, `--regid=${user}`, "--init-groups", "ssh-add", "-l"], {
        env: { SSH_AUTH_SOCK: path },
      });
    assertEquals((await as(joe.login)).code, 0);
    assertEquals((await as(other.name)).code, 2, "no connection");
    await Deno.chmod(path.slice(0, path.lastIndexOf("/")), 0o755);
    await Deno.chmod(path, 0o666);
    const stranger = await as(other.name);
    assertEquals(stranger.stdout, "");
    assert(stranger.code !== 0, "who connects is looked at, too");
    assertEquals((await as("root")).code, 0);
  } finally {
    reader.releaseLock();
    await hangUp(child);
  }
});

Deno.test("without the permit there is no agent; the session runs, and the audit log has the reason", async () => {
  const guest = await cluster.user("guest", [joe.login], ["pty"]);
  const { stdout, stderr } = await guest.ssh(["-A", "-v"], ["echo [$SSH_AUTH_SOCK]"], { env: agent.env });
  assertEquals(stdout, "[]\n");
  assertStringIncludes(stderr, "agent forwarding is not permitted by your certificate");
  const event = await cluster.daemon.event("port", (event) => event.user === "guest");
  assertEquals([event.success, event.forwarded], [false, "agent"]);
  assertStringIncludes(String(event.error), "not permitted");
});

Deno.test("our own client lends an agent as OpenSSH's does", async () => {
  const dialAgent = () => Promise.resolve(connect(agent.socket));
  const client = await cluster.connect(joe, { agent: dialAgent });
  const session = await client.exec("ssh-add -l | head -n 1", { agent: true });
  let text = "";
  session.stream.on("data", (chunk) => text += chunk);
  session.stderr.resume();
  assertEquals(await session.exit, { code: 0 });
  assertEquals(text.trim(), agent.fingerprint);
  assertEquals((await new AgentClient(dialAgent).list()).length, (await agent.list()).length);
  client.close();
});

Deno.test("what a killed node has left of an agent goes when it starts again, and nothing else", async () => {
  await using own = await OwnCluster.start();
  const user = await own.user("jane", [joe.login], ["agent-forwarding"]);
  const child = user.sshInBackground(["-A"], ["echo $SSH_AUTH_SOCK; sleep 60"], agent.env);
  const reader = child.stdout.getReader();
  const path = new TextDecoder().decode((await reader.read()).value).trim();
  reader.releaseLock();
  await own.daemon.signal("SIGKILL");
  await hangUp(child);
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
