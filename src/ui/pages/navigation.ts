/**
 * The pages that the navigation offers. What the roles do not allow is left out; the server checks each call anyway.
 * @module
 */
import type { WebUserContext } from "../../model/web.ts";
import type { IconName } from "../components/icon.tsx";
import { isOfAnyCluster } from "../route.ts";
import { may } from "../session.ts";
import { siteQuery } from "../site.ts";
import type { SiteAccess } from "../site_access.ts";

export interface NavigationEntry {
  path: string;
  text: string;
  icon: IconName;
  query?: Record<string, string>;
}

export interface NavigationGroup {
  title: string;
  entries: NavigationEntry[];
}

/** Kinds of resources whose lists make a page of the administration. */
const ADMINISTRATION: readonly (NavigationEntry & { kinds: readonly string[]; verb: string })[] = [
  { path: "/users", text: "Users", icon: "users", kinds: ["user"], verb: "list" },
  { path: "/roles", text: "Roles", icon: "shield", kinds: ["role"], verb: "list" },
  { path: "/tokens", text: "Tokens", icon: "key", kinds: ["token"], verb: "read" },
  { path: "/connectors", text: "Connectors", icon: "plug", kinds: ["github", "oidc", "saml"], verb: "list" },
  {
    path: "/trusted-clusters",
    text: "Trusted clusters",
    icon: "link",
    kinds: ["trusted_cluster"],
    verb: "list",
  },
];

/**
 * @param site another cluster, which pages that can be about it are about
 * @param access what the user may do there; while it is not known, its audit log is offered, and may be refused
 */
export function navigation(
  context: WebUserContext,
  site: string | undefined,
  access: SiteAccess | undefined,
): NavigationGroup[] {
  const allowed = ADMINISTRATION.filter(({ kinds, verb }) => kinds.some((kind) => may(context, kind, verb)));
  const groups: NavigationGroup[] = [
    {
      title: "Access",
      entries: [
        { path: "/nodes", text: "Nodes", icon: "server" },
        { path: "/terminals", text: "Terminals", icon: "terminal" },
      ],
    },
    {
      title: site === undefined ? "Activity" : `Activity in ${site}`,
      entries: [
        { path: "/sessions", text: "Active sessions", icon: "live" },
        { path: "/recordings", text: "Recordings", icon: "film" },
        ...(access === undefined || may(access, "event", "list")
          ? [{ path: "/audit", text: "Audit log", icon: "list" } as const]
          : []),
      ],
    },
    {
      title: site === undefined ? "Administration" : `Administration of ${context.cluster}`,
      entries: allowed.map(({ path, text, icon }) => ({ path, text, icon })),
    },
  ];
  const query = siteQuery(site);
  return groups.filter(({ entries }) => entries.length > 0).map(({ title, entries }) => ({
    title,
    entries: entries.map((entry) => isOfAnyCluster(entry.path) ? { ...entry, query } : entry),
  }));
}
