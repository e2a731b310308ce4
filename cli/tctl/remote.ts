/**
 * tctl from another machine: the auth server's API through the proxy, end to end, as the user that tsh has logged in.
 * @module
 */
import { formatHostPort } from "../../src/base/dial.ts";
import { AppError, messageOf } from "../../src/base/errors.ts";
import { Cluster } from "../tsh/cluster.ts";
import type { Login } from "../tsh/home.ts";
import { ensureLogin, isValid, storedLogin } from "../tsh/login.ts";
import type { Admin, TctlOptions } from "./admin.ts";

/** With the identity file or the login that the options name. */
export async function connectRemote(options: TctlOptions): Promise<Admin> {
  const { identity, proxy } = options;
  if (identity !== undefined) {
    if (proxy === undefined) {
      throw new AppError("bad_input", "with --identity also name the proxy: --proxy=HOST");
    }
    return await connect(await ensureLogin({ identity, proxy }));
  }
  const login = await storedLogin({ proxy });
  if (login && isValid(login)) return await connect(login);
  throw new AppError(
    "unauthenticated",
    `there is no valid login to ${proxy}: run "tsh login --proxy=${proxy}" first`,
  );
}

/** With the current login of tsh; undefined when there is none, or none that is still valid. */
export async function connectWithProfile(): Promise<Admin | undefined> {
  const home = Deno.env.get("TELEPORT_HOME") ?? Deno.env.get("HOME");
  const login = home ? await storedLogin({}) : undefined;
  if (!login || !isValid(login)) return undefined;
  const { user, proxyHost } = login.profile;
  const way = `This was asked through the proxy ${proxyHost}, with the login that tsh has for ${user}. ` +
    "On the auth server, name its configuration file: tctl -c FILE";
  return { ...await connect(login), way };
}

async function connect(login: Login): Promise<Admin> {
  const { profile } = login;
  let cluster: Cluster | undefined;
  try {
    cluster = await Cluster.connect(login);
    const { api } = await cluster.homeApi();
    const proxy = cluster;
    return {
      api,
      guess: {
        auth: `${profile.proxyHost}:3025`,
        web: formatHostPort({ host: profile.proxyHost, port: profile.webPort }),
      },
      scheme: "https",
      close: () => proxy.close(),
    };
  } catch (error) {
    cluster?.close();
    throw new AppError(
      "unavailable",
      `cannot reach the auth server of ${profile.cluster} through the proxy ${profile.proxyHost} as ${profile.user}: ` +
        messageOf(error),
      { cause: error },
    );
  }
}
