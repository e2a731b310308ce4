/**
 * Which way a login goes: through an identity provider, or with a password.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { printableCell } from "../output.ts";
import type { Ping, PingConnector } from "./web.ts";

/**
 * The connector that a login goes through; undefined for one with a password.
 * @param asked what `--auth` says: a connector's name, or `local`
 * @throws {AppError} not_found
 */
export function connectorOf(
  { auth, cluster_name }: Ping,
  asked: string | undefined,
): PingConnector | undefined {
  const all = auth.connectors ?? [];
  if (asked === "local") return undefined;
  if (asked !== undefined) {
    const found = all.find(({ name }) => name === asked) ?? all.find(({ type }) => type === asked);
    if (found) return found;
    const names = ["local", ...all.map(({ name }) => printableCell(name))].join(", ");
    throw new AppError(
      "not_found",
      `there is no connector "${asked}" in ${cluster_name}; --auth takes: ${names}`,
    );
  }
  const { type } = auth;
  if (type === "local") return undefined;
  const first = auth[type];
  if (first) return { type, ...first };
  throw new AppError(
    "not_found",
    `${cluster_name} wants logins by ${type}, but has no such connector yet; tell an administrator, ` +
      "or log in with --auth=local if you have a password there",
  );
}
