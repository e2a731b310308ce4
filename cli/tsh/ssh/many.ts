/**
 * One command on every node that has some labels: each line of output with the node's name before it.
 * @module
 */
import type { Readable } from "node:stream";
import { AppError, messageOf } from "../../../src/base/errors.ts";
import type { ServerRecord } from "../../../src/model/server.ts";
import { printableCell } from "../../output.ts";
import { Exit, print, printError } from "../../program.ts";
import { Cluster } from "../cluster.ts";
import type { Login } from "../home.ts";
import type { SshCall } from "./call.ts";
import { environmentToSend } from "./environment.ts";
import { hasLabels } from "./target.ts";

/** The longest line that is held back until its end. */
const MAX_LINE = 16 * 1024;

/** Runs the command everywhere. @throws {Exit} 0 when all ended with 0, else the first other status in the nodes' order */
export async function runOnAll(
  call: SshCall,
  login: Login,
  username: string,
  labels: Record<string, string>,
): Promise<never> {
  const cluster = await Cluster.connect(login, call.connectTimeout);
  try {
    const nodes = await matching(cluster, labels);
    const command = call.words.join(" ");
    const single = command === "" || call.terminal === "yes" || call.terminal === "force" ||
      call.localForwards.length + call.remoteForwards.length > 0;
    if (single && nodes.length > 1) {
      const names = nodes.map(({ name }) => printableCell(name)).join(", ");
      throw new AppError("conflict", `a shell, a terminal or forwards need one node; these match: ${names}`);
    }
    if (command === "") {
      const [only] = nodes;
      throw new AppError(
        "bad_input",
        `name a command to run, or the node: tsh ssh ${username}@${only?.name}`,
      );
    }
    const codes = await inParallel(
      nodes,
      call.parallel,
      (node) => runOn(cluster, node, username, command, call),
    );
    const failed = codes.filter((code) => code !== 0).length;
    if (failed > 0 && !call.quiet) printError(`failed on ${failed} of ${nodes.length} nodes\n`);
    throw new Exit(codes.find((code) => code !== 0) ?? 0);
  } finally {
    cluster.close();
  }
}

async function matching(cluster: Cluster, labels: Record<string, string>): Promise<ServerRecord[]> {
  const { api, close } = await cluster.api();
  try {
    const nodes = (await api.call("servers.list", { role: "node" }))
      .filter((node) => hasLabels(node, labels))
      .sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
    if (nodes.length > 0) return nodes;
    const text = Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(",");
    throw new AppError("not_found", `no node has the labels ${text}; "tsh ls" lists the nodes with theirs`);
  } finally {
    close();
  }
}

async function runOn(
  cluster: Cluster,
  node: ServerRecord,
  username: string,
  command: string,
  call: SshCall,
): Promise<number> {
  const prefix = `${printableCell(node.name)}: `;
  try {
    const client = await cluster.node(node.id, 0, username);
    try {
      const env = environmentToSend(Deno.env.toObject(), call.sendEnv, call.setEnv);
      const session = await client.exec(command, { env });
      session.stream.end();
      await Promise.all([
        eachLine(session.stream, (line) => print(prefix + line)),
        eachLine(session.stderr, (line) => printError(prefix + line)),
      ]);
      return (await session.exit).code ?? 255;
    } finally {
      client.close();
    }
  } catch (error) {
    printError(`${prefix}${messageOf(error)}\n`);
    return 255;
  }
}

/** Whole lines, so that those of different nodes do not mix. */
async function eachLine(from: Readable, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of from) {
    held += decoder.decode(chunk, { stream: true });
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) take(`${line}\n`);
    if (held.length > MAX_LINE) {
      take(`${held}\n`);
      held = "";
    }
  }
  if (held !== "") take(`${held}\n`);
}

/** Runs a job for each item, some at once. @returns the results in the items' order */
async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Map<number, R>();
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results.set(index, await run(item));
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return items.flatMap((_, index) => results.has(index) ? [results.get(index) as R] : []);
}
