/**
 * Clusters and their nodes.
 * @module
 */
import { Hono } from "hono";
import type { ClusterAccess } from "../../api/cluster_access.ts";
import type { Clock } from "../../base/clock.ts";
import type { WebApp, WebEnv } from "./context.ts";
import { demandSite } from "./signed_in.ts";
import { clientOf, type WebUsers } from "./web_users.ts";

/** The prefixes of what belongs to a cluster: namespaces are gone, but their paths work. */
export const SITE_PATHS = ["/sites/:site", "/sites/:site/namespaces/default"];

export interface SitesOptions {
  cluster(): string;
  access: ClusterAccess;
  clock: Clock;
}

export function sitesApi({ signedIn, connections }: WebUsers, options: SitesOptions): WebApp {
  const { cluster, access, clock } = options;
  const api = new Hono<WebEnv>();

  signedIn.on(
    api,
    "GET",
    "/sites",
    (c) =>
      c.json([{ name: cluster(), status: "online", lastconnected: new Date(clock.now()).toISOString() }]),
  );

  for (const site of SITE_PATHS) {
    signedIn.on(api, "GET", `${site}/nodes`, async (c, session) => {
      demandSite(c, cluster());
      const nodes = await connections.caller(session, clientOf(c)).call("servers.list", { role: "node" });
      const { identity } = session.facts;
      const decided = access.decide(identity, () => undefined);
      const rights = decided.refused === undefined ? decided.rights : undefined;
      const items = nodes.map(({ id, name, address, labels }) => ({
        id,
        hostname: name,
        addr: address,
        labels,
        logins: rights
          ? identity.logins.filter((login) => rights.checkNode(login, labels) === undefined)
          : [],
      }));
      return c.json({ items });
    });
  }
  return api;
}
