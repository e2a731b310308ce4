/**
 * Whether a host that the proxy has reached is the one it wanted: by a certificate of this cluster's host CA with its
 * name, or, for a node, with its id.
 * @module
 */
import { identifyHost, type Trust } from "../../api/identity.ts";
import { toSeconds } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import { EXTENSION } from "../../model/authority.ts";
import { type Certificate, checkCertificate } from "../../ssh/certificate.ts";
import type { ConnectOptions } from "../../ssh/client.ts";
import type { Target } from "../route.ts";

export interface HostCheckOptions {
  trust(): Trust;
  /** When the connection began: a certificate that ends during it is not looked at anew. */
  now: number;
  /** Off: servers that are no nodes of ours are believed whatever they show. */
  strict: boolean;
}

/** What {@linkcode connectSsh} asks about the host's key. */
export function hostCheck(
  target: Target,
  { trust, now, strict }: HostCheckOptions,
): Pick<ConnectOptions, "verifyHost" | "verifyHostKey"> {
  const { node, host, site } = target;
  if (site) {
    return {
      // A proxy stands in for the host where the other cluster's proxies record, too.
      verifyHost: (shown) =>
        void identifyHost(shown, { trust: site, now, roles: ["node", "proxy"], name: host }),
      verifyHostKey: refuseKey,
    };
  }
  if (node) {
    return {
      verifyHost: (shown) => {
        const { hostId } = identifyHost(shown, { trust: trust(), now, roles: ["node"], name: node.id });
        if (hostId !== node.id) {
          throw new AppError("unauthenticated", `the host is ${hostId}, not ${node.id}`);
        }
      },
      verifyHostKey: refuseKey,
    };
  }
  if (!strict) return { verifyHost: () => {}, verifyHostKey: () => {} };
  return {
    verifyHost: (shown) => {
      const why = flawOf(shown, host, trust(), now);
      if (why !== undefined) throw new AppError("unauthenticated", why);
    },
    verifyHostKey: refuseKey,
  };
}

function refuseKey(): undefined {
  throw new AppError("unauthenticated", "remote host presented a public key, expected a host certificate");
}

/** Why a certificate does not show that its owner is `host`, a server that is no node of ours. */
function flawOf(shown: Certificate, host: string, trust: Trust, now: number): string | undefined {
  const names = [...new Set([host, host.toLowerCase()])];
  const principal = names.find((name) => shown.principals.includes(name)) ?? host;
  const flaw = checkCertificate(shown, {
    kind: "host",
    authorities: trust.host,
    principal,
    now: toSeconds(now),
  });
  if (flaw !== undefined) return flaw;
  const role = shown.extensions.get(EXTENSION.hostRole);
  // Those of recording proxies carry any host's name.
  return role === undefined || role === "node" ? undefined : `the host is a ${role} of the cluster`;
}
