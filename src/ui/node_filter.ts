/**
 * Which nodes fit what the user looks for.
 * @module
 */
import type { NodeItem } from "./api.ts";

/** `key: value`, as it is shown and as addresses carry it. */
export function labelText(key: string, value: string): string {
  return `${key}: ${value}`;
}

/** Puts a label into the chosen ones, or takes it out. */
export function toggleLabel(chosen: readonly string[], label: string): string[] {
  return chosen.includes(label) ? chosen.filter((one) => one !== label) : [...chosen, label];
}

/** Nodes that have all the labels, and every word of the text somewhere in what is shown of them; by name. */
export function filterNodes(
  nodes: readonly NodeItem[],
  text: string,
  chosen: readonly string[],
): NodeItem[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const collator = new Intl.Collator(undefined, { numeric: true });
  return nodes
    .filter(({ hostname, addr, id, labels }) => {
      const shown = Object.entries(labels).map(([key, value]) => labelText(key, value));
      const all = [hostname, addr, id, ...shown].join("\n").toLowerCase();
      return chosen.every((label) => shown.includes(label)) && words.every((word) => all.includes(word));
    })
    .sort((a, b) => collator.compare(a.hostname, b.hostname) || collator.compare(a.id, b.id));
}
