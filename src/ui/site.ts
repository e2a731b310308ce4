/**
 * The cluster that pages are about: this one, or one that is reached through it. It is part of the address, so that links
 * and reloads keep it; pages that are about this cluster alone leave it as it is for the others.
 * @module
 */
import { Cell, useCell } from "./cell.ts";
import { isOfAnyCluster } from "./route.ts";
import { place } from "./router.ts";

const WORD = "cluster";

/** As the last page of this window that is about some cluster had it in its address; empty for this one. */
const asked = new Cell(sessionStorage.getItem(WORD) ?? "");

function look(): void {
  const { path, query } = place.value;
  if (!isOfAnyCluster(path)) return;
  asked.set(query.get(WORD) ?? "");
  sessionStorage.setItem(WORD, asked.value);
}

look();
place.watch(look);

/** The cluster that is chosen; undefined for this one. */
export function useSite(own: string): string | undefined {
  const name = useCell(asked);
  return name === "" || name === own ? undefined : name;
}

/** What the address of a page about a cluster has in its query. */
export function siteQuery(site: string | undefined): Record<string, string> {
  return site === undefined ? {} : { [WORD]: site };
}

/** The way back to pages about the cluster that is chosen. */
export function chosenQuery(): Record<string, string> {
  return siteQuery(asked.value || undefined);
}

/** The query of the same page about another cluster; `undefined` is this one. */
export function withSite(query: URLSearchParams, site: string | undefined): Record<string, string> {
  const { [WORD]: _other, ...rest } = Object.fromEntries(query);
  return { ...rest, ...siteQuery(site) };
}
