/**
 * `tsh ls` and `tsh clusters`.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { type Format, labelText, printResult, table } from "../output.ts";
import { Cluster } from "./cluster.ts";
import { ensureLogin } from "./login.ts";
import type { TshOptions } from "./options.ts";

/** `key=value[,key=value]`; all must match. */
export function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    if (at <= 0) throw new AppError("bad_input", `"${part}" is not a label; write key=value`);
    labels[part.slice(0, at).trim()] = part.slice(at + 1).trim();
  }
  return labels;
}

export async function lsCommand(
  filter: string | undefined,
  options: TshOptions,
  format: Format,
): Promise<void> {
  const wanted = filter === undefined ? {} : parseLabels(filter);
  const cluster = await Cluster.connect(await ensureLogin(options));
  try {
    const { api } = await cluster.api();
    const nodes = (await api.call("servers.list", { role: "node" }))
      .filter((node) => Object.entries(wanted).every(([key, value]) => node.labels[key] === value))
      .sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
    await printResult(format, nodes, () =>
      `${
        table(
          ["Node Name", "Node ID", "Address", "Labels"],
          nodes.map((node) => [node.name, node.id, node.address, labelText(node.labels)]),
        )
      }\n`);
  } finally {
    cluster.close();
  }
}

export async function clustersCommand(options: TshOptions, quiet: boolean, format: Format): Promise<void> {
  const cluster = await Cluster.connect(await ensureLogin(options));
  try {
    const session = await cluster.proxy.subsystem("proxysites");
    let text = "";
    session.stream.on("data", (chunk) => text += chunk);
    await session.exit;
    const sites: { name: string; status: string }[] = JSON.parse(text);
    await printResult(
      format,
      sites,
      () =>
        quiet
          ? sites.map(({ name, status }) => `${name} ${status}\n`).join("")
          : `${table(["Cluster Name", "Status"], sites.map(({ name, status }) => [name, status]))}\n`,
    );
  } finally {
    cluster.close();
  }
}
