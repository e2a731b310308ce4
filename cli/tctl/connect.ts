/**
 * tctl's connection to the auth server on the same machine, with the administrator's identity out of its data
 * directory.
 * @module
 */
import { ApiClient } from "../../src/api/client.ts";
import { loginToAuth, openApi } from "../../src/api/connection.ts";
import { parseHostCredentials, trustOf } from "../../src/api/host_identity.ts";
import { systemClock } from "../../src/base/clock.ts";
import { dialTcp, formatHostPort, type HostPort } from "../../src/base/dial.ts";
import { AppError, messageOf } from "../../src/base/errors.ts";
import type { DaemonConfig } from "../../src/daemon/config/daemon_config.ts";
import { configHost } from "../host.ts";

/** Options every tctl command has. */
export interface TctlOptions {
  config?: string;
  debug?: boolean;
}

/** A connected administrator. */
export interface Admin {
  api: ApiClient;
  config: DaemonConfig;
  authAddress: HostPort;
  close(): void;
}

export async function connectAdmin(options: TctlOptions): Promise<Admin> {
  const { loadConfig } = await import("../../src/daemon/config/load.ts");
  const { readDaemonState } = await import("../../src/daemon/data_directory.ts");
  const configString = Deno.env.get("TELEPORT_CONFIG");
  const config = await loadConfig({ config: options.config, configString }, configHost());
  const identity = parseHostCredentials(await readIdentity(`${config.dataDir}/auth/admin.json`));
  const state = await readDaemonState(config.dataDir);
  const { host, port } = state?.addresses.auth ?? config.auth.listenAddr;
  const authAddress = { host: host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host, port };
  try {
    const stream = await dialTcp(authAddress.host, authAddress.port);
    const ssh = await loginToAuth(stream, {
      username: identity.hostId,
      credential: { key: identity.key, certificate: identity.certificate },
      trust: trustOf(identity.cluster, identity.authorities),
    }, systemClock);
    return { api: await openApi(ssh), config, authAddress, close: () => ssh.close() };
  } catch (error) {
    throw new AppError(
      "unavailable",
      `cannot connect to the auth server: ${messageOf(error)}\nIs the auth server running on ${
        formatHostPort(authAddress)
      }?`,
      { cause: error },
    );
  }
}

async function readIdentity(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
      throw error;
    }
    throw new AppError(
      "access_denied",
      `tctl must be used on the auth server, as the user that runs it: ${path} cannot be read ` +
        "(another data_dir? name its configuration file with --config)",
    );
  }
}

/** Runs a command with a connection that is closed afterwards. */
export async function withAdmin<T>(options: TctlOptions, run: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = await connectAdmin(options);
  try {
    return await run(admin);
  } finally {
    admin.close();
  }
}
