/**
 * The table of `tctl nodes ls` and `tsh ls`.
 * @module
 */
import { labelText, table } from "./output.ts";

interface ListedNode {
  name: string;
  id: string;
  address: string;
  labels: Record<string, string>;
}

/** In the order of the names. */
export async function nodeTable(nodes: readonly ListedNode[]): Promise<string> {
  const sorted = [...nodes].sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
  const rows = sorted.map((node) => [node.name, node.id, node.address, labelText(node.labels)]);
  return `${await table(["Node Name", "Node ID", "Address", "Labels"], rows)}\n`;
}
