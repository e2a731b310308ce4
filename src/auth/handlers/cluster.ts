/**
 * The calls about the cluster as a whole.
 * @module
 */
import type { clusterCalls } from "../../api/contract/cluster.ts";
import type { Handlers } from "../../api/serve.ts";
import { VERSION } from "../../model/version.ts";
import type { AuthService } from "../service.ts";

export function clusterHandlers(auth: AuthService): Pick<Handlers, keyof typeof clusterCalls> {
  const { authorities, presence, connectors } = auth;
  return {
    "cluster.get": async () => ({
      name: authorities.cluster,
      version: VERSION,
      secondFactor: auth.settings.secondFactor,
      securityKeys: auth.settings.securityKeys,
      login: auth.settings.loginChoice ?? { type: "local" },
      connectors: await connectors.list(),
      sessionRecording: auth.settings.sessionRecording,
      recordingMode: auth.settings.recordingMode,
      recordCommands: auth.settings.recordCommands,
      proxiesCheckHostKeys: auth.settings.proxiesCheckHostKeys,
    }),
    "proxies.addresses": () =>
      Promise.resolve(presence.list("proxy").flatMap((server) => server.proxy ?? [])),
    "changes.watch": (_input, context) => {
      context.watch();
      return Promise.resolve({});
    },
  };
}
