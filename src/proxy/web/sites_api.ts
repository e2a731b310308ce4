/**
 * Clusters and their nodes.
 * @module
 */
import { Hono } from "hono";
import type { ClusterAccess } from "../../api/cluster_access.ts";
import type { WebApp, WebEnv } from "./context.ts";
import { siteOf, type WebSites } from "./sites.ts";
import { clientOf, type WebUsers } from "./web_users.ts";

/** The prefixes of what belongs to a cluster: namespaces are gone, but their paths work. */
export const SITE_PATHS = ["/sites/:site", "/sites/:site/namespaces/default"];

export interface SitesOptions {
  sites: WebSites;
  access: ClusterAccess;
}

export function sitesApi({ signedIn, connections }: WebUsers, { sites, access }: SitesOptions): WebApp {
  const api = new Hono<WebEnv>();

  signedIn.on(
    api,
    "GET",
    "/sites",
    (c) => c.json(sites.list().map(({ name, status, lastconnected }) => ({ name, status, lastconnected }))),
  );

  for (const path of SITE_PATHS) {
    signedIn.on(api, "GET", `${path}/nodes`, async (c, session) => {
      const site = siteOf(c, sites);
      const nodes = await connections.caller(session, clientOf(c), site).call("servers.list", {
        role: "node",
      });
      const { identity } = session.facts;
      const decided = access.decide(identity, () => undefined);
      const rights = decided.refused === undefined ? decided.rights : undefined;
      /** Another cluster's nodes decide by its own roles, which are not known here. */
      const loginsOn = (labels: Record<string, string>) => {
        if (site !== undefined) return identity.logins;
        return rights ? identity.logins.filter((login) => rights.checkNode(login, labels) === undefined) : [];
      };
      const items = nodes.map(({ id, name, address, labels }) => ({
        id,
        hostname: name,
        addr: address,
        labels,
        logins: loginsOn(labels),
      }));
      return c.json({ items });
    });
  }
  return api;
}
