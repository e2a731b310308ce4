/**
 * Several proxies of one cluster, and a balancer in front of them.
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import { dialTcp } from "../../src/base/dial.ts";
import { type ClusterOptions, Daemon } from "./cluster.ts";
import { joinToken } from "./second_node.ts";

/** A further proxy of a cluster, a daemon of its own. */
export async function startProxy(
  cluster: Daemon,
  nodename: string,
  options: ClusterOptions = {},
): Promise<Daemon> {
  const { auth } = await cluster.addresses();
  return await Daemon.start({
    nodename,
    ...options,
    teleport: {
      auth_servers: [`127.0.0.1:${auth?.port}`],
      auth_token: await joinToken(cluster, "--roles=proxy"),
    },
    auth: { enabled: "no" },
    node: { enabled: "no" },
  });
}

/** Takes connections and gives them to one target after the other, as a TCP balancer does. */
export async function balancer(
  ...targets: number[]
): Promise<{ port: number; taken: number[] } & AsyncDisposable> {
  const taken = targets.map(() => 0);
  const sockets = new Set<Socket>();
  let next = 0;
  const server: Server = createServer({ allowHalfOpen: true }, async (socket) => {
    const turn = next++ % targets.length;
    taken[turn] = (taken[turn] ?? 0) + 1;
    socket.on("error", () => {});
    const target = await dialTcp("127.0.0.1", targets[turn] ?? 0).catch(() => undefined);
    if (!target) return void socket.destroy(); // it is down
    for (const end of [socket, target]) {
      sockets.add(end);
      end.on("error", () => [socket, target].forEach((each) => each.destroy()));
    }
    socket.pipe(target);
    target.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    taken,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
