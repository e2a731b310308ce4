import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "node:net";
import { AgentClient } from "../../src/ssh/agent.ts";
import { LentAgent } from "../kit/lent_agent.ts";
import { exists } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";

let lent: LentAgent;

Deno.test.beforeAll(async () => {
  lent = await LentAgent.start("tpagent");
});

Deno.test.afterAll(() => lent[Symbol.asyncDispose]());

Deno.test("ssh -A lends the agent to the session: its keys are listed, in a command and on a terminal", async () => {
  for (const args of [[], ["-tt"]]) {
    const { stdout, stderr } = await lent.ssh("ssh-add -l", args);
    assertEquals(stdout.trim(), lent.agent.fingerprint, stderr);
  }
  const event = await lent.cluster.daemon.event("port", (event) => event.forwarded === "agent");
  assertEquals([event.success, event.user, event.login], [true, "joe", lent.joe.login]);
});

Deno.test("without -A there is no agent, whatever the client's own environment says", async () => {
  const { stdout } = await lent.joe.ssh(["-o", "SendEnv=SSH_AUTH_SOCK"], ["echo [$SSH_AUTH_SOCK]"], {
    env: lent.agent.env,
  });
  assertEquals(stdout, "[]\n");
});

Deno.test("the socket and its folder are the login's own, and gone when the session ends", async () => {
  const { stdout } = await lent.ssh(
    'stat -c "%U %a" $SSH_AUTH_SOCK $(dirname $SSH_AUTH_SOCK); echo $SSH_AUTH_SOCK',
  );
  const [socket, folder, path = ""] = stdout.split("\n");
  assertEquals([socket, folder], [`${lent.joe.login} 600`, `${lent.joe.login} 700`]);
  assertMatch(path, /^\/tmp\/teleport-[\w-]+\/teleport-\d+\.socket$/);
  const directory = path.slice(0, path.lastIndexOf("/"));
  await eventually("the folder to be removed", async () => !(await exists(directory)) || undefined);
});

Deno.test("a hop signs with the lent agent", async () => {
  const { node } = await lent.cluster.daemon.addresses();
  await lent.agent.add(lent.joe.keyFile);
  const hop = "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null " +
    `-o LogLevel=ERROR -p ${node?.port} ${lent.joe.login}@127.0.0.1 echo hopped`;
  const { stdout, stderr } = await lent.ssh(hop);
  assertEquals(stdout, "hopped\n", stderr);
  assertEquals(
    (await lent.joe.ssh([], [hop], { env: lent.agent.env })).stdout,
    "",
    "without the agent it cannot",
  );
});

Deno.test("our own client lends an agent as OpenSSH's does", async () => {
  const dialAgent = () => Promise.resolve(connect(lent.agent.socket));
  const client = await lent.cluster.connect(lent.joe, { agent: dialAgent });
  const session = await client.exec("ssh-add -l | head -n 1", { agent: true });
  let text = "";
  session.stream.on("data", (chunk) => text += chunk);
  session.stderr.resume();
  assertEquals(await session.exit, { code: 0 });
  assertEquals(text.trim(), lent.agent.fingerprint);
  assertEquals((await new AgentClient(dialAgent).list()).length, (await lent.agent.list()).length);
  client.close();
});
