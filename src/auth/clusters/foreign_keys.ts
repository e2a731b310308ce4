/**
 * Keys that another cluster names as its authorities: what must be true of them before they are believed, whichever of
 * the two clusters trusts the other.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { type ClusterKeys, namesOverlap } from "../../model/trusted_cluster.ts";

/** Another cluster that is known already. */
export interface KnownCluster {
  cluster: string;
  keys: readonly string[];
}

/**
 * A key speaks for one cluster and one purpose, and a name means one cluster.
 * @param own this cluster
 * @param others the other clusters that are known, in either direction, without the one that is asked about
 * @throws {AppError} conflict or bad_input that names the trouble
 */
export function requireDistinct(
  { cluster, user, host }: ClusterKeys,
  own: ClusterKeys,
  others: readonly KnownCluster[],
): void {
  if (user.some((key) => host.includes(key))) {
    throw new AppError("bad_input", `cluster ${cluster} uses one key for users and hosts`);
  }
  const known = [{ cluster: own.cluster, keys: [...own.user, ...own.host] }, ...others];
  for (const other of known) {
    if (namesOverlap(cluster, other.cluster) && cluster !== other.cluster) {
      throw overlap(cluster, other.cluster);
    }
    if ([...user, ...host].some((key) => other.keys.includes(key))) {
      throw new AppError(
        "conflict",
        `cluster ${cluster} shows a key of cluster ${other.cluster}: a key belongs to one cluster`,
      );
    }
  }
  if (cluster === own.cluster) {
    throw new AppError(
      "conflict",
      `both clusters are called "${cluster}": a name means one cluster, and a cluster keeps its name for good`,
    );
  }
}

function overlap(one: string, other: string): AppError {
  return new AppError(
    "conflict",
    `cluster "${one}" and cluster "${other}" cannot know each other: one name lies within the other, so what vouches ` +
      "for the hosts of one would vouch for those of the other",
  );
}
