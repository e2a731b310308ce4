/**
 * What the shell's completion knows of the cluster: the nodes and labels that tsh saw last, in `~/.tsh/completion`. The
 * shell reads the file by itself, so only words that no shell acts on get into it.
 * @module
 */
import { AppError, messageOf } from "../../src/base/errors.ts";
import { tshHome, writePrivate } from "./home.ts";

const NODE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}=[A-Za-z0-9._/+-]{1,128}$/;
/** Nobody reads through more. */
const MAX_LINES = 5000;

export interface KnownNode {
  name: string;
  labels: Readonly<Record<string, string>>;
}

/** The file's text. */
export function completionLines(nodes: readonly KnownNode[]): string {
  const names = nodes.map(({ name }) => name).filter((name) => NODE.test(name));
  const labels = nodes.flatMap((node) => Object.entries(node.labels).map(([key, value]) => `${key}=${value}`))
    .filter((label) => LABEL.test(label));
  const lines = [
    ...[...new Set(names)].map((name) => `node ${name}`),
    ...[...new Set(labels)].map((label) => `label ${label}`),
  ];
  return lines.slice(0, MAX_LINES).map((line) => `${line}\n`).join("");
}

/** Keeps what was seen: all nodes there are. */
export async function rememberNodes(nodes: readonly KnownNode[]): Promise<void> {
  await orForget(() => writePrivate(cachePath(), completionLines(nodes)));
}

/** Adds one node that answered. */
export async function rememberNode(name: string): Promise<void> {
  if (!NODE.test(name)) return;
  await orForget(async () => {
    const text = await Deno.readTextFile(cachePath()).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    const lines = text.split("\n").filter(Boolean);
    if (lines.includes(`node ${name}`) || lines.length >= MAX_LINES) return;
    await writePrivate(cachePath(), [`node ${name}`, ...lines].map((line) => `${line}\n`).join(""));
  });
}

function cachePath(): string {
  return `${tshHome()}/completion`;
}

/** A home that cannot be written, or is not there as with an identity file, is no reason for a command to fail. */
async function orForget(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const expected = error instanceof AppError || error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied || /read-only|no space/i.test(messageOf(error));
    if (!expected) throw error;
  }
}
