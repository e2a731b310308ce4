/**
 * The clusters that can be looked at, where there is more than one.
 * @module
 */
import type { SiteItem } from "../api.ts";
import { go, place } from "../router.ts";
import { withSite } from "../site.ts";
import { Icon } from "./icon.tsx";
import { Menu } from "./menu.tsx";

export interface ClusterChooserProps {
  /** This one first. */
  sites: readonly SiteItem[];
  /** Undefined: this one. */
  site: string | undefined;
}

/** Leads to the same page of another cluster. */
export function ClusterChooser({ sites, site }: ClusterChooserProps) {
  const [own] = sites;
  if (!own || sites.length < 2 && site === undefined) return null;
  const choose = (name: string) => {
    const { path, query } = place.value;
    go(path, { query: withSite(query, name === own.name ? undefined : name) });
  };
  return (
    <Menu
      label={`Cluster: ${site ?? own.name}`}
      caption="Cluster"
      class="plain"
      items={sites.map(({ name, status }) => ({
        text: status === "online" ? name : `${name} (offline)`,
        icon: name === (site ?? own.name) ? "check" : "server",
        run: () => choose(name),
      }))}
    >
      <Icon name="server" size={16} />
      {site ?? own.name}
      <Icon name="down" size={14} />
    </Menu>
  );
}
