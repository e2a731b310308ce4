/**
 * `tsh logout`: removes keys and certificates from disk and agent.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { Exit, print, printError } from "../program.ts";
import { removeFromAgent } from "./agent.ts";
import { readProfiles, removeLogin, storedLogins } from "./home.ts";
import { parseProxy } from "./login.ts";
import type { TshOptions } from "./options.ts";

export async function logoutCommand(options: TshOptions): Promise<void> {
  const profiles = await readProfiles();
  if (options.proxy === undefined && options.user === undefined) {
    for (const login of [...profiles, ...await storedLogins()]) {
      await removeFromAgent(login.user);
      await removeLogin(login);
    }
    return print("Logged out all users from all proxies.\n");
  }
  if (options.proxy === undefined || options.user === undefined) {
    throw new AppError(
      "bad_input",
      "Specify --proxy and --user to log out one user from one proxy,\nor neither to log out all users from all proxies.",
    );
  }
  const { host } = parseProxy(options.proxy);
  const profile = profiles.find(({ proxyHost }) => proxyHost === host) ??
    { proxyHost: host, webPort: 0, sshPort: 0, user: options.user, cluster: "" };
  await removeFromAgent(options.user);
  if (await removeLogin({ ...profile, user: options.user })) {
    return print(`Logged out ${options.user} from ${host}.\n`);
  }
  printError(`User ${options.user} already logged out from ${host}.\n`);
  throw new Exit(1);
}
