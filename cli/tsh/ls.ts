/**
 * `tsh ls` and `tsh clusters`.
 * @module
 */
import { nodeTable } from "../node_table.ts";
import { type Format, printResult, table } from "../output.ts";
import { Cluster } from "./cluster.ts";
import { listSites } from "./site.ts";
import { rememberNodes } from "./completion_cache.ts";
import { ensureLogin } from "./login.ts";
import type { TshOptions } from "./options.ts";
import { hasLabels, parseLabels } from "./ssh/target.ts";

export async function lsCommand(
  filter: string | undefined,
  options: TshOptions,
  format: Format | "ansible",
): Promise<void> {
  const wanted = filter === undefined ? {} : parseLabels(filter);
  const cluster = await Cluster.connect(await ensureLogin(options));
  try {
    const { api } = await cluster.api();
    const nodes = (await api.call("servers.list", { role: "node" }))
      .filter((node) => hasLabels(node, wanted))
      .sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
    if (filter === undefined && options.identity === undefined) await rememberNodes(nodes);
    if (format === "ansible") {
      const { ansibleInventory } = await import("./ansible.ts");
      const inventory = ansibleInventory(nodes, cluster.name);
      return await printResult("json", inventory, () => "");
    }
    await printResult(format, nodes, () => nodeTable(nodes));
  } finally {
    cluster.close();
  }
}

export async function clustersCommand(options: TshOptions, quiet: boolean, format: Format): Promise<void> {
  const cluster = await Cluster.connect(await ensureLogin(options));
  try {
    const sites = await listSites(cluster);
    await printResult(
      format,
      sites,
      async () =>
        quiet
          ? sites.map(({ name, status }) => `${name} ${status}\n`).join("")
          : `${await table(["Cluster Name", "Status"], sites.map(({ name, status }) => [name, status]))}\n`,
    );
  } finally {
    cluster.close();
  }
}
