/**
 * The nodes as an inventory for Ansible's yaml plugin, of which JSON is a part.
 * @module
 */

/** What is needed to know of a node. */
export interface InventoryNode {
  name: string;
  labels: Readonly<Record<string, string>>;
}

interface Group {
  hosts: Record<string, Record<string, unknown>>;
}

/**
 * Hosts by the names that `tsh config` makes ssh understand, and a group for each label, as `env_prod`. Ansible runs what
 * stands in double braces in a value, on the machine that reads it, so nodes cannot be allowed to choose such values.
 */
export function ansibleInventory(nodes: readonly InventoryNode[], cluster: string): { all: unknown } {
  const hosts: Group["hosts"] = {};
  const children: Record<string, Group> = {};
  for (const { name, labels } of nodes) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) continue;
    const host = `${name}.${cluster}`;
    const safe = Object.entries(labels).filter(([key, value]) => !/[{][{%#]/.test(key + value));
    hosts[host] = { teleport_labels: Object.fromEntries(safe) };
    for (const [key, value] of safe) {
      const group = `${key}_${value}`.replace(/[^A-Za-z0-9_]/g, "_");
      if (/^[A-Za-z_]/.test(group)) (children[group] ??= { hosts: {} }).hosts[host] = {};
    }
  }
  return { all: { hosts, children } };
}
