/**
 * Where to: `[user@]host`, `ssh://[user@]host[:port]`, or labels that several nodes may have.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";

export type Target =
  & { login: string | undefined }
  & ({ host: string; port: number } | { labels: Record<string, string> });

/** @throws {AppError} bad_input */
export function parseTarget(text: string): Target {
  const uri = /^ssh:\/\/(?:([^@/]+)@)?(\[[0-9A-Fa-f:.]+\]|[^:/@]+)(?::(\d{1,5}))?\/?$/.exec(text);
  if (uri) {
    const [, login, host = "", port] = uri;
    return { login, host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? 0) };
  }
  const at = text.lastIndexOf("@");
  const host = text.slice(at + 1);
  if (host === "" || at === 0 || host.startsWith("-") || /[\s/]/.test(host) && !host.includes("=")) {
    throw new AppError("bad_input", `"${text}" is not a target; write [user@]host or [user@]label=value`);
  }
  const login = at > 0 ? text.slice(0, at) : undefined;
  return host.includes("=") ? { login, labels: parseLabels(host) } : { login, host, port: 0 };
}

/** `key=value[,key=value]`; all must match. @throws {AppError} bad_input */
export function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    if (at <= 0) throw new AppError("bad_input", `"${part}" is not a label; write key=value`);
    labels[part.slice(0, at).trim()] = part.slice(at + 1).trim();
  }
  return labels;
}

/** Whether a node has all of the labels. */
export function hasLabels(node: { labels: Record<string, string> }, wanted: Record<string, string>): boolean {
  return Object.entries(wanted).every(([key, value]) => node.labels[key] === value);
}
