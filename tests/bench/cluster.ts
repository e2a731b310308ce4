/**
 * Our side of the comparison: one daemon with all three roles, and a user who reaches its node through its proxy.
 * @module
 */
import type { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import type { User } from "../kit/user.ts";
import { KEX, type Route, withCipher } from "./route.ts";
import type { Setting } from "./setting.ts";

export interface Cluster {
  daemon: Daemon;
  user: User;
  route: Route;
}

const NODE = "alpha";

/** Starts a cluster, signs a user up and logs in. */
export async function startCluster(setting: Setting): Promise<Cluster> {
  const daemon = await setting.daemon({ nodename: NODE });
  await daemon.ready();
  const user = await daemon.user("bench", [LOGIN]);
  await user.loginOk();
  const base = user.sshArgs.map((arg) => arg.replace(/^ProxyCommand=ssh /, `$&-o KexAlgorithms=${KEX} `));
  const target = `${LOGIN}@${NODE}.${user.options.cluster}`;
  const route: Route = {
    name: "ours",
    arguments: (cipher) => [...withCipher(["-o", `KexAlgorithms=${KEX}`, ...base], cipher), target],
  };
  return { daemon, user, route };
}

const shared = new WeakMap<Setting, Promise<Cluster>>();

/** The cluster that most measurements of a run share. */
export function sharedCluster(setting: Setting): Promise<Cluster> {
  const cluster = shared.get(setting) ?? startCluster(setting);
  shared.set(setting, cluster);
  return cluster;
}
