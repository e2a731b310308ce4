/**
 * A further host: a daemon of its own with the node role only, joining a cluster that runs already.
 * @module
 */
import { Daemon } from "./cluster.ts";
import { eventually } from "./run.ts";

export interface NodeOptions {
  nodename: string;
  token?: string;
  pins?: string[];
  directory?: string;
  labels?: Record<string, string>;
  args?: string[];
}

/** Starts a node of `cluster` without waiting for it. */
export async function spawnNode(cluster: Daemon, options: NodeOptions): Promise<Daemon> {
  const { auth } = await cluster.addresses();
  const { nodename, token, pins, directory, labels, args } = options;
  return await Daemon.spawn({
    directory,
    args,
    nodename,
    teleport: {
      auth_servers: [`127.0.0.1:${auth?.port}`],
      ...(token === undefined ? {} : { auth_token: token }),
      ...(pins === undefined ? {} : { ca_pin: pins }),
    },
    auth: { enabled: "no" },
    proxy: { enabled: "no" },
    node: labels === undefined ? {} : { labels },
  });
}

/** Starts a node and waits until it is ready and the cluster lists it. */
export async function startNode(cluster: Daemon, options: NodeOptions): Promise<Daemon> {
  const node = await spawnNode(cluster, options);
  try {
    await node.ready();
    await listed(cluster, node);
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
}

/** Settles when auth knows the node under its present address. */
async function listed(cluster: Daemon, node: Daemon): Promise<void> {
  const address = `127.0.0.1:${(await node.addresses()).node?.port}`;
  await eventually("the node to be listed", async () => {
    const nodes: { address: string }[] = JSON.parse(await cluster.tctlOk("nodes", "ls", "--format=json"));
    return nodes.some((known) => known.address === address) || undefined;
  });
}

/** Waits for a daemon that ends by itself. @returns its exit code and what it said */
export async function ending(daemon: Daemon): Promise<{ code: number; stderr: string }> {
  await eventually("the daemon to end", () => daemon.exited || undefined);
  const code = await daemon.ended;
  return { code, stderr: daemon.stderr };
}

/** A new join token of the cluster. */
export async function joinToken(cluster: Daemon, ...args: string[]): Promise<string> {
  return JSON.parse(await cluster.tctlOk("nodes", "add", "--format=json", ...args)).token;
}
