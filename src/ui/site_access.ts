/**
 * What the user is and may do in the cluster that is chosen: in another one that cluster's roles say, to which it maps the
 * user's own. Pages offer no more than that; the cluster decides on each call anyway.
 * @module
 */
import type { WebUserContext } from "../model/web.ts";
import { callIn } from "./api.ts";
import { useLoaded } from "./loaded.ts";

/** The user's name there, as its sessions and events have it, and the verbs that roles allow on each kind. */
export type SiteAccess = Pick<WebUserContext, "user" | "rights">;

const REFRESH_MS = 30_000;

/** @returns undefined while it is not known */
export function useSiteAccess(context: WebUserContext, site: string | undefined): SiteAccess | undefined {
  const { value } = useLoaded(
    async (signal): Promise<SiteAccess> => {
      if (site === undefined) return context;
      const { name, rights } = await callIn(site, "access.mine", {}, signal);
      return { user: name, rights };
    },
    [site],
    site === undefined ? 0 : REFRESH_MS,
  );
  return site === undefined ? context : value;
}
