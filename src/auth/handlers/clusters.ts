/**
 * Other clusters: what proxies need for tunnels, what comes through them, and pairing.
 * @module
 */
import { Buffer } from "node:buffer";
import { openStatement, statedCluster } from "../../api/cluster_statement.ts";
import type { clusterLinkCalls } from "../../api/contract/clusters.ts";
import { refusalIsLogged } from "../../api/refusal.ts";
import type { Handlers } from "../../api/serve.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import type { HostIdentity } from "../../model/identity.ts";
import { parsePublicKeyLine } from "../../ssh/public_key.ts";
import { requireDistinct } from "../clusters/foreign_keys.ts";
import type { AuthService } from "../service.ts";

export function clusterLinkHandlers(auth: AuthService): Pick<Handlers, keyof typeof clusterLinkCalls> {
  const { remoteClusters, trustedClusters, pairing, authorities, audit, clock } = auth;

  /** Every other cluster that is known, but the one that is asked about. */
  const others = async (name: string) =>
    [
      ...(await trustedClusters.stored()).map(({ cluster, user, host }) => ({
        cluster,
        keys: [...user, ...host],
      })),
      ...(await remoteClusters.stored()).map(({ name, hostKeys }) => ({ cluster: name, keys: hostKeys })),
    ].filter(({ cluster }) => cluster !== name);

  const learn = async (bytes: Uint8Array): Promise<{ cluster: string; changed: boolean }> => {
    const cluster = statedCluster(bytes);
    const remote = await remoteClusters.get(cluster);
    const trusted = await trustedClusters.get(cluster);
    const known = remote?.hostKeys ?? trusted?.host;
    if (!known) throw new AppError("not_found", "no cluster of this name is known here");
    const open = (keys: readonly string[]) =>
      openStatement(bytes, {
        trusted: keys.map((line) => parsePublicKeyLine(line).key),
        now: clock.now(),
      });
    const statement = open(known);
    requireDistinct(statement, authorities.keys(), await others(cluster));
    let changed = false;
    if (remote) changed = await remoteClusters.learn(statement);
    if (trusted) changed = await trustedClusters.learn(open(trusted.host)) || changed;
    return { cluster, changed };
  };

  return {
    "clusters.list": () => remoteClusters.list(),
    "clusters.tunnels": async () => ({
      statement: authorities.statement(clock.now()),
      remote: await remoteClusters.list(),
      trusted: await trustedClusters.tunnels(),
    }),
    "clusters.learn": async ({ statement }, { identity, address }) => {
      const { cluster, changed } = await learn(Buffer.from(statement, "base64"));
      if (changed) {
        const { hostId } = identity as HostIdentity;
        await audit.emit({ event: "cluster.keys", cluster, server_id: hostId, "addr.remote": address });
      }
      return { changed };
    },
    "clusters.report": async ({ tunnels }, { identity }) => {
      await remoteClusters.report((identity as HostIdentity).hostId, tunnels);
      return {};
    },
    "pairing.take": async () => ({ job: await pairing.take() }),
    "pairing.finish": async ({ id, ...result }) => {
      await pairing.finish(id, result);
      return {};
    },
    "pairing.validate": async ({ request, address }) => {
      let cluster: string | undefined;
      try {
        const { statement, tokenId, answer } = await pairing.open(request);
        cluster = statement.cluster;
        requireDistinct(statement, authorities.keys(), await others(cluster));
        await remoteClusters.register(statement, tokenId);
        const event = { event: "cluster.join" as const, success: true, cluster, token: tokenId };
        await audit.emit({ ...event, "addr.remote": address });
        return answer;
      } catch (error) {
        if (isAppError(error)) {
          const event = { event: "cluster.join" as const, success: false, error: error.message, cluster };
          await audit.emit({ ...event, "addr.remote": address });
          if (error.code === "access_denied") refusalIsLogged(error);
        }
        throw error;
      }
    },
  };
}
