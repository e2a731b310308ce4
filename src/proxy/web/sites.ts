/**
 * Which cluster a request is about: this one, or another that is reached through it.
 * @module
 */
import type { Trust } from "../../api/identity.ts";
import { AppError } from "../../base/errors.ts";
import type { ListedSite } from "../tunnels/site_list.ts";
import type { WebContext } from "./context.ts";

/** The clusters that this proxy leads to. */
export interface WebSites {
  /** This one. */
  cluster(): string;
  list(): ListedSite[];
  /** Whom to believe about the hosts of another one; undefined for one that is not known. */
  trustOf(site: string): Pick<Trust, "cluster" | "host"> | undefined;
}

/** The other cluster that the path names; undefined for this one. @throws {AppError} not_found */
export function siteOf(c: WebContext, sites: WebSites): string | undefined {
  const site = c.req.param("site") ?? "";
  if (site === "-current-" || site === sites.cluster()) return undefined;
  if (sites.trustOf(site)) return site;
  throw new AppError("not_found", "no such cluster is known here");
}
