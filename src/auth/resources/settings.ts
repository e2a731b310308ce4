/**
 * What the configuration file says, shown as resources, and the one namespace.
 * @module
 */
import { formatDuration } from "../../base/duration.ts";
import { document, type ResourceDocument } from "../../model/resource/envelope.ts";
import type { SecurityKeyPlace } from "../../model/security_key.ts";
import type { LoginChoice } from "../../model/sso.ts";
import type { TokenRole } from "../../model/token.ts";
import type { ReadableKind } from "./kind.ts";

/** What the configuration file says that is shown here. */
export interface FileSettings {
  loginChoice?: LoginChoice | undefined;
  secondFactor: string;
  securityKeys?: SecurityKeyPlace | undefined;
  sessionRecording: string;
  proxiesCheckHostKeys?: boolean;
  clientIdleTimeout?: number;
  disconnectExpiredCert?: boolean;
  staticTokens: readonly { token: string; roles: readonly TokenRole[] }[];
}

/** A kind of which there is exactly one. */
export class Singleton implements ReadableKind {
  constructor(readonly show: (withSecrets: boolean) => ResourceDocument) {}

  list(withSecrets: boolean): Promise<ResourceDocument[]> {
    return Promise.resolve([this.show(withSecrets)]);
  }

  get(name: string, withSecrets: boolean): Promise<ResourceDocument[]> {
    const one = this.show(withSecrets);
    return Promise.resolve(one.metadata.name === name ? [one] : []);
  }
}

export const namespaces = new Singleton(() => document("namespace", { name: "default" }, { spec: {} }));

export function authPreference(settings: FileSettings): Singleton {
  return new Singleton(() =>
    document("cluster_auth_preference", { name: "cluster-auth-preference" }, {
      spec: {
        type: settings.loginChoice?.type ?? "local",
        second_factor: settings.secondFactor,
        ...(settings.loginChoice?.connectorName === undefined
          ? {}
          : { connector_name: settings.loginChoice.connectorName }),
        ...keysOf(settings),
      },
    })
  );
}

function keysOf({ securityKeys }: FileSettings) {
  return securityKeys ? { u2f: { app_id: securityKeys.appId, facets: securityKeys.facets } } : {};
}

export function clusterConfig(settings: FileSettings): Singleton {
  const { sessionRecording, clientIdleTimeout = 0, disconnectExpiredCert = false } = settings;
  const { proxiesCheckHostKeys = true } = settings;
  return new Singleton(() =>
    document("cluster_config", { name: "cluster-config" }, {
      spec: {
        session_recording: sessionRecording,
        proxy_checks_host_keys: proxiesCheckHostKeys ? "yes" : "no",
        client_idle_timeout: formatDuration(clientIdleTimeout),
        disconnect_expired_cert: disconnectExpiredCert,
        audit: { type: "dir" },
      },
    })
  );
}

export function clusterName(name: string): Singleton {
  return new Singleton(() =>
    document("cluster_name", { name: "cluster-name" }, { spec: { cluster_name: name } })
  );
}

export function staticTokens(settings: FileSettings): Singleton {
  return new Singleton((withSecrets) =>
    document("static_tokens", { name: "static-tokens" }, {
      spec: {
        static_tokens: settings.staticTokens.map(({ roles, token }) => ({
          roles,
          ...(withSecrets ? { token } : {}),
        })),
      },
    })
  );
}
