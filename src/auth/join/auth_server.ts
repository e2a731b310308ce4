/**
 * An auth server comes to a cluster. It gets there by the cluster's store, which holds the authorities: its certificate
 * it signs itself. A join token, where one is configured, must allow it besides; over the network no auth server joins.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { Backend, Key } from "../../store/backend.ts";
import type { AuditLog } from "../audit/log.ts";
import type { HostRecord } from "./hosts.ts";
import { type JoinTokens, tokenId } from "./tokens.ts";

export interface ComingAuthServer {
  hostId: string;
  name: string;
  publicNames: readonly string[];
  /** From the configuration; needed the first time only. */
  token?: string;
}

export interface Admission {
  backend: Backend;
  tokens: JoinTokens;
  audit: AuditLog;
  now: number;
  /** Whether this server has just made the cluster. */
  isFirst: boolean;
}

const ATTEMPTS = 5;

/**
 * Lets the server in and remembers its names.
 * @throws {AppError} access_denied when it comes with a token that does not allow it
 */
export async function admitAuthServer(
  coming: ComingAuthServer,
  { backend, tokens, audit, now, isFirst }: Admission,
): Promise<void> {
  const { hostId, name, publicNames } = coming;
  const key: Key = ["host", hostId];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const entry = await backend.get(key);
    const known: HostRecord | undefined = entry && JSON.parse(entry.value);
    const isNew = known?.roles.auth === undefined;
    const used = isNew && !isFirst ? await allowing(coming.token, tokens) : undefined;
    const record: HostRecord = {
      ...known ?? { id: hostId, roles: {}, tokenId: used ?? "store", joined: now },
      name,
      publicNames: [...new Set([...known?.publicNames ?? [], ...publicNames])].slice(-64),
    };
    // Its key is another one at each start, and nobody renews a certificate with it.
    record.roles = { ...record.roles, auth: "own" };
    if (entry && JSON.stringify(record) === entry.value) return;
    const done = await backend.commit([
      { type: "check", key, version: entry?.version },
      { type: "put", key, value: JSON.stringify(record) },
    ]);
    if (!done) continue; // the roles beside it join at the same time
    if (isNew && !isFirst) {
      await audit.emit({
        event: "host.join",
        success: true,
        server_id: hostId,
        name,
        roles: "auth",
        token: used,
      });
    }
    return;
  }
  throw new AppError("unavailable", `the record of host ${hostId} is written by others all the time`);
}

/** @returns the id of the token that lets it in; undefined where none was given */
async function allowing(value: string | undefined, tokens: JoinTokens): Promise<string | undefined> {
  if (value === undefined) return undefined;
  const refused = (why: string) =>
    new AppError(
      "access_denied",
      `this auth server cannot join the cluster with its auth_token: ${why}; "tctl nodes add --roles=auth" on a running ` +
        "auth server makes one that can",
    );
  const fitting = (await tokens.all()).filter(({ token }) => token === value);
  const token = fitting.find((candidate) => tokens.refusal(candidate) === undefined) ?? fitting[0];
  if (!token) throw refused("the cluster does not know it");
  const refusal = tokens.refusal(token);
  if (refusal !== undefined) throw refused(refusal);
  if (!token.roles.includes("auth")) throw refused('it does not allow the role "auth"');
  return tokenId(value);
}

/**
 * A server that was told to join a cluster, and has a store of its own that is still empty, would make another cluster.
 * @param servers the auth servers that it was told to join
 * @throws {AppError} unsupported
 */
export async function refuseOwnStore(backend: Backend, servers: readonly string[]): Promise<void> {
  if (backend.watch || servers.length === 0 || await backend.get(["cluster"])) return;
  throw new AppError(
    "unsupported",
    `this host is to join the auth servers ${
      servers.join(", ")
    }, but runs an auth server with an empty store of its ` +
      "own, which would be another cluster; give it the cluster's shared store (teleport.storage of type etcd or " +
      "dynamodb), or disable auth_service here, or remove auth_token and auth_servers",
  );
}
