/**
 * The clusters as their users see them: this one first. The answer of the subsystem `proxysites`, and the web
 * interface's list.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { ClusterLinks } from "./links.ts";

export interface ListedSite {
  name: string;
  status: "online" | "offline";
  /** RFC 3339; year 1 when it was never connected. */
  lastconnected: string;
  /** Its proxies record, and need their clients' agents. */
  records: boolean;
}

export function siteList(
  own: string,
  records: boolean,
  links: Pick<ClusterLinks, "sites">,
  clock: Clock,
): ListedSite[] {
  const time = (ms: number | undefined) =>
    ms === undefined ? "0001-01-01T00:00:00Z" : new Date(ms).toISOString();
  const others = links.sites().map(({ name, status, lastConnected, records }) => ({
    name,
    status,
    lastconnected: time(lastConnected),
    records,
  })).sort((a, b) => a.name < b.name ? -1 : 1);
  return [{ name: own, status: "online", lastconnected: time(clock.now()), records }, ...others];
}
