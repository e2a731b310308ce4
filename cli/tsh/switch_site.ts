/**
 * Which of the clusters behind a login commands are about, and what a new login learns of them.
 * @module
 */
import { isAppError } from "../../src/base/errors.ts";
import { Cluster } from "./cluster.ts";
import { type Login, saveProfile } from "./home.ts";
import { atHome, fetchSites, listSites } from "./site.ts";

/** How long a login may take for it. */
const LEARN_MS = 5_000;

/** After a login: stock ssh then knows the hosts of the other clusters, too. Without it they are asked for when needed. */
export async function learnSites(login: Login): Promise<void> {
  try {
    const cluster = await Cluster.connect({ ...atHome(login), stored: true }, LEARN_MS);
    try {
      await fetchSites(cluster);
    } finally {
      cluster.close();
    }
  } catch (error) {
    if (!isAppError(error)) throw error; // who goes there asks again, and hears why it fails
  }
}

/**
 * `tsh login east`: commands are about that cluster from now on.
 * @returns the login; undefined when `name` is no cluster that is known there
 */
export async function switchSite(login: Login, name: string): Promise<Login | undefined> {
  const { cluster, site: before, ...profile } = login.profile;
  const to: Login = {
    ...login,
    profile: { ...profile, cluster, ...(name === cluster ? {} : { site: name }) },
  };
  if (name === cluster && before === undefined) return undefined; // a login like any other
  if (name !== cluster && !await isKnown(login, name)) return undefined;
  await saveProfile(to.profile);
  return to;
}

async function isKnown(login: Login, name: string): Promise<boolean> {
  const cluster = await Cluster.connect(login);
  try {
    return (await listSites(cluster)).some((site) => site.name === name);
  } finally {
    cluster.close();
  }
}
