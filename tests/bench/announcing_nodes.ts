/**
 * A program that plays many nodes: each joins with the token, keeps its connection to the auth server and announces
 * itself as the product's nodes do. It prints a line when all are known to the cluster, and runs until it is ended.
 * @module
 */
import { Membership } from "../../src/api/membership.ts";
import { systemClock } from "../../src/base/clock.ts";
import { AuthServers } from "../../src/api/auth_servers.ts";
import { Secret } from "../../src/base/secret.ts";
import type { Announcing } from "./many_nodes.ts";
import { inParallel } from "./statistics.ts";

const JOINING_AT_ONCE = 16;

async function startNode(index: number, { port, token }: Announcing): Promise<void> {
  const { promise: announced, resolve } = Promise.withResolvers<void>();
  let identity: string | undefined;
  const servers = new AuthServers(systemClock, [{ host: "127.0.0.1", port }]);
  await Membership.start({
    role: "node",
    hostId: crypto.randomUUID(),
    name: `node-${index}`,
    publicNames: [],
    token: new Secret(token),
    caPins: [],
    identityFile: {
      read: () => Promise.resolve(identity),
      write: (text) => {
        identity = text;
        return Promise.resolve();
      },
    },
    dialAuth: () => servers.dial(),
    clock: systemClock,
    announcement: () => ({ address: `127.0.0.1:${20_000 + index}`, labels: { rack: String(index % 40) } }),
    onChanged: () => resolve(),
    report: (level, text) => {
      if (level === "warn") console.error(`node-${index}: ${text}`);
    },
  });
  await announced;
}

if (import.meta.main) {
  const task: Announcing = JSON.parse(await new Response(Deno.stdin.readable).text());
  await inParallel(task.nodes, JOINING_AT_ONCE, (index) => startNode(index, task));
  console.log("all nodes are announced");
}
