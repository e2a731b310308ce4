/**
 * The administrator's connection to a running daemon, without the cost of a tctl process for each call.
 * @module
 */
import { connect, type Socket } from "node:net";
import type { ApiClient } from "../../src/api/client.ts";
import { loginToAuth, openApi } from "../../src/api/connection.ts";
import { parseHostCredentials, trustOf } from "../../src/api/host_identity.ts";
import { systemClock } from "../../src/base/clock.ts";
import { ADMIN_ROLE } from "../../src/model/user.ts";
import { parsePrivateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { DenoKvBackend } from "../../src/store/deno_kv.ts";
import type { Daemon } from "./cluster.ts";

export interface AdminConnection extends Disposable {
  api: ApiClient;
}

/** A TCP connection to a port of this machine. */
export function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Logs in to the auth server at `port` with the identity in `dataDir`, as tctl does. */
export async function connectAsAdmin(dataDir: string, port: number): Promise<AdminConnection> {
  const identity = parseHostCredentials(await Deno.readTextFile(`${dataDir}/auth/admin.json`));
  const ssh = await loginToAuth(await dial(port), {
    username: identity.hostId,
    credential: { key: identity.key, certificate: identity.certificate },
    trust: trustOf(identity.cluster, identity.authorities),
  }, systemClock);
  return { api: await openApi(ssh), [Symbol.dispose]: () => ssh.close() };
}

/** Logs in to a cluster's auth server as one of the daemon's own roles. */
export async function connectAsHost(daemon: Daemon, role: "node" | "proxy"): Promise<AdminConnection> {
  const identity = parseHostCredentials(await Deno.readTextFile(`${daemon.dataDir}/${role}/identity.json`));
  const { auth } = await daemon.addresses();
  const ssh = await loginToAuth(await dial(auth?.port ?? 0), {
    username: identity.hostId,
    credential: { key: identity.key, certificate: identity.certificate },
    trust: trustOf(identity.cluster, identity.authorities),
  }, systemClock);
  return { api: await openApi(ssh), [Symbol.dispose]: () => ssh.close() };
}

/** What a user's record says. */
export interface UserDraft {
  name: string;
  logins: string[];
  /** The default is the built-in one. */
  roles?: string[];
  /** Further facts that roles refer to. */
  traits?: Record<string, string[]>;
}

/** Writes users' records, over what was there: they have no password, but certificates that a test makes are theirs. */
export async function putUsers(daemon: Daemon, ...users: UserDraft[]): Promise<void> {
  const documents = users.map(({ name, logins, roles = [ADMIN_ROLE], traits = {} }) => ({
    kind: "user",
    version: "v2",
    metadata: { name },
    spec: { roles, traits: { ...traits, logins } },
  }));
  await putResources(daemon, ...documents);
}

/** Writes resources as `tctl create -f` does. */
export async function putResources(daemon: Daemon, ...documents: Record<string, unknown>[]): Promise<void> {
  const { auth } = await daemon.addresses();
  using admin = await connectAsAdmin(daemon.dataDir, auth?.port ?? 0);
  for (const document of documents) await admin.api.call("resources.put", { document, mode: "replace" });
}

/** The CA keys of a daemon that is not running, read out of a copy of its store. */
export async function authorityKeys(dataDir: string): Promise<Record<"user" | "host", PrivateKey>> {
  const copy = await Deno.makeTempDir({ prefix: "teleport-store-" });
  try {
    for await (const { name } of Deno.readDir(`${dataDir}/auth`)) {
      if (name.startsWith("store.sqlite")) await Deno.copyFile(`${dataDir}/auth/${name}`, `${copy}/${name}`);
    }
    const backend = await DenoKvBackend.open(`${copy}/store.sqlite`);
    try {
      const read = async (kind: string) => {
        const entry = await backend.get(["authority", kind]);
        return parsePrivateKey(JSON.parse(entry?.value ?? "{}").signingKeys[0]);
      };
      return { user: await read("user"), host: await read("host") };
    } finally {
      await backend.close();
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}
