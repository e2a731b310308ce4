/**
 * Two clusters of which one trusts the other, for tests: "main" is trusted, "east" dials it.
 * @module
 */
import { stringify } from "@std/yaml";
import { type ClusterOptions, Daemon } from "./cluster.ts";
import { eventually } from "./run.ts";
import type { User } from "./user.ts";

export const CLUSTER_TOKEN = "join-us-0123456789";

/** A cluster that others may trust: it has a token for them. */
export function startMain(options: ClusterOptions = {}): Promise<Daemon> {
  return Daemon.start({
    clusterName: "main",
    nodename: "alpha",
    ...options,
    auth: { tokens: [`trusted_cluster:${CLUSTER_TOKEN}`], ...options.auth },
  });
}

/** One that accepts main's self-signed HTTPS. */
export function startEast(options: ClusterOptions = {}): Promise<Daemon> {
  return Daemon.start({ clusterName: "east", nodename: "db1", args: ["--insecure"], ...options });
}

/** What a `trusted_cluster` document says, beside the addresses. */
export interface Wish {
  name?: string;
  enabled?: boolean;
  token?: string | undefined;
  tunnel_addr?: string;
  web_proxy_addr?: string;
  role_map?: { remote: string; local: string[] }[];
}

/** The file with which east's administrator trusts main. */
export async function trustFile(main: Daemon, east: Daemon, wish: Wish = {}): Promise<string> {
  const { proxyWeb, proxyTunnel } = await main.addresses();
  const { name = "main", ...spec } = wish;
  const document = {
    kind: "trusted_cluster",
    version: "v2",
    metadata: { name },
    spec: {
      enabled: true,
      token: CLUSTER_TOKEN,
      tunnel_addr: `127.0.0.1:${(proxyTunnel ?? proxyWeb)?.port}`,
      web_proxy_addr: `127.0.0.1:${proxyWeb?.port}`,
      ...spec,
    },
  };
  const file = `${east.directory}/trust-${name}.yaml`;
  await Deno.writeTextFile(file, stringify(JSON.parse(JSON.stringify(document))));
  return file;
}

/** Has east trust main, and waits until the tunnel stands. */
export async function pair(main: Daemon, east: Daemon, wish: Wish = {}): Promise<void> {
  await east.tctlOk("create", "-f", await trustFile(main, east, wish));
  await untilStatus(main, east.options.clusterName ?? "east", "online");
}

/** Main's record of a cluster that dials in. */
export async function remoteStatus(main: Daemon, name: string): Promise<string | undefined> {
  const found = await main.tctl("get", `rc/${name}`, "--format=json");
  if (found.code !== 0) return undefined;
  const documents = JSON.parse(found.stdout);
  const [first] = Array.isArray(documents) ? documents : [documents];
  return first?.status?.connection;
}

export async function untilStatus(main: Daemon, name: string, wanted: string | undefined): Promise<void> {
  await eventually(
    `cluster ${name} to be ${wanted}`,
    async () => (await remoteStatus(main, name)) === wanted || undefined,
    40_000,
  );
}

/** The status of a cluster as a user sees it. */
export async function seenStatus(user: User, name: string): Promise<string | undefined> {
  const { stdout } = await user.tsh(["clusters", "--format=json"]);
  const sites: { name: string; status: string }[] = JSON.parse(stdout || "[]");
  return sites.find((site) => site.name === name)?.status;
}
