/**
 * What each page is given.
 * @module
 */
import type { WebUserContext } from "../../model/web.ts";
import type { SiteItem } from "../api.ts";
import type { SiteAccess } from "../site_access.ts";

export interface PageInput {
  context: WebUserContext;
  /** The cluster that pages are about that can be about another one; undefined: this cluster. */
  site: string | undefined;
  /** This cluster, and those that are reached through it; undefined while they are not known. */
  sites: readonly SiteItem[] | undefined;
  /** What the user may do in the cluster that is chosen; undefined while it is not known. */
  access: SiteAccess | undefined;
  /** The words of the path that the pattern names. */
  parameters: Record<string, string>;
}
