/**
 * tctl's connection to the auth server: on its own machine with the administrator's identity out of its data directory,
 * from elsewhere through the proxy with a login of tsh.
 * @module
 */
import { loginToAuth, openApi } from "../../src/api/connection.ts";
import { parseHostCredentials, trustOf } from "../../src/api/host_identity.ts";
import { systemClock } from "../../src/base/clock.ts";
import { dialTcp, formatHostPort } from "../../src/base/dial.ts";
import { AppError, isAppError, messageOf } from "../../src/base/errors.ts";
import type { DaemonConfig } from "../../src/daemon/config/daemon_config.ts";
import { configHost } from "../host.ts";
import type { Admin, TctlOptions } from "./admin.ts";

export type { Admin, TctlOptions } from "./admin.ts";

export async function connectAdmin(options: TctlOptions): Promise<Admin> {
  if (options.identity !== undefined || options.proxy !== undefined) {
    return await (await import("./remote.ts")).connectRemote(options);
  }
  const { loadConfig } = await import("../../src/daemon/config/load.ts");
  const configString = Deno.env.get("TELEPORT_CONFIG");
  const config = await loadConfig({ config: options.config, configString }, configHost());
  const path = `${config.dataDir}/auth/admin.json`;
  const text = await readIdentity(path);
  if (text !== undefined) return await connectLocally(config, text);
  // Who names the server's configuration means this machine.
  const remote = options.config === undefined
    ? await (await import("./remote.ts")).connectWithProfile()
    : undefined;
  if (remote) return remote;
  throw new AppError(
    "access_denied",
    `tctl must be used on the auth server, as the user that runs it: ${path} cannot be read ` +
      "(another data_dir? name its configuration file with --config).\n" +
      "From another machine, log in with tsh first (tsh login --proxy=HOST) or name an identity file " +
      "(tctl --identity=FILE --proxy=HOST): then what you may do is what your roles allow",
  );
}

async function connectLocally(config: DaemonConfig, text: string): Promise<Admin> {
  const { readDaemonState } = await import("../../src/daemon/data_directory.ts");
  const identity = parseHostCredentials(text);
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
    return {
      api: await openApi(ssh),
      guess: {
        auth: formatHostPort({ host: config.nodename, port: authAddress.port }),
        web: configuredProxy(config),
      },
      scheme: config.proxy.tls ? "https" : "http",
      close: () => ssh.close(),
    };
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

function configuredProxy(config: DaemonConfig): string {
  const [first] = config.proxy.publicAddrs;
  return formatHostPort({
    host: first?.host ?? config.nodename,
    port: first?.port || config.proxy.webListenAddr.port,
  });
}

async function readIdentity(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const elsewhere = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotADirectory;
    if (elsewhere) return undefined;
    throw error;
  }
}

/** Runs a command with a connection that is closed afterwards. */
export async function withAdmin<T>(options: TctlOptions, run: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = await connectAdmin(options);
  try {
    return await run(admin);
  } catch (error) {
    if (admin.way === undefined || !isAppError(error, "access_denied")) throw error;
    throw new AppError(error.code, `${error.message}\n${admin.way}`, { cause: error });
  } finally {
    admin.close();
  }
}
