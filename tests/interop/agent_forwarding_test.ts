import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "node:net";
import { AgentClient } from "../../src/ssh/agent.ts";
import { type CertifiedUser, OwnCluster } from "../kit/certified_user.ts";
import { IS_ROOT, LOGIN } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually } from "../kit/run.ts";
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
