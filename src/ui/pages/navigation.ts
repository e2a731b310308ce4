/**
 * The pages that the navigation offers. What the roles do not allow is left out; the server checks each call anyway.
 * @module
 */
import type { WebUserContext } from "../../model/web.ts";
import type { IconName } from "../components/icon.tsx";
import { may } from "../session.ts";

export interface NavigationEntry {
  path: string;
  text: string;
  icon: IconName;
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

export function navigation(context: WebUserContext): NavigationGroup[] {
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
      title: "Activity",
      entries: [
        { path: "/sessions", text: "Active sessions", icon: "live" },
        { path: "/recordings", text: "Recordings", icon: "film" },
        ...(may(context, "event", "list")
          ? [{ path: "/audit", text: "Audit log", icon: "list" } as const]
          : []),
      ],
    },
    {
      title: "Administration",
      entries: allowed.map(({ path, text, icon }) => ({ path, text, icon })),
    },
  ];
  return groups.filter(({ entries }) => entries.length > 0);
}
