/**
 * Hosts join and announce themselves.
 * @module
 */
import { signerOf } from "../../api/identity.ts";
import type { hostCalls } from "../../api/contract/hosts.ts";
import type { Handlers } from "../../api/serve.ts";
import { refusalIsLogged } from "../../api/refusal.ts";
import { logger } from "../../base/log.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { type HostIdentity, type JoinerIdentity, type JoinRole } from "../../model/identity.ts";
import { hostOf } from "../../model/server.ts";
import { formatCertificateLine } from "../../ssh/certificate.ts";
import { interoperates, VERSION } from "../../model/version.ts";
import type { AuthService } from "../service.ts";

const log = logger("auth");

export function hostHandlers(auth: AuthService): Pick<Handlers, keyof typeof hostCalls> {
  const { hosts, issuer, authorities, presence, audit, clock } = auth;
  return {
    "hosts.join": async (request, { identity, address }) => {
      const joiner = identity as JoinerIdentity;
      const refused = async (error: unknown): Promise<never> => {
        if (isAppError(error)) {
          await audit.emit({
            event: "host.join",
            success: false,
            error: error.message,
            server_id: request.hostId,
            name: request.name,
            "addr.remote": address,
            token: joiner.tokenId,
          });
          if (error.code === "access_denied") refusalIsLogged(error);
        }
        throw error;
      };
      const namesOf = await hosts.admit(joiner, request, clock.now()).catch(refused);
      const certificates = await Promise.all(request.keys.map(async ({ role, publicKey }) => {
        const certificate = await issuer.forHost(
          { hostId: request.hostId, role, names: namesOf(role) },
          publicKey,
        );
        return { role, certificate: formatCertificateLine(certificate) };
      }));
      await audit.emit({
        event: "host.join",
        success: true,
        server_id: request.hostId,
        name: request.name,
        roles: request.keys.map(({ role }) => role).join(","),
        "addr.remote": address,
        token: joiner.tokenId,
      });
      return { cluster: authorities.cluster, certificates, authorities: authorities.list() };
    },
    "hosts.renew": async ({ publicKey }, { identity }) => {
      const { hostId, role } = identity as HostIdentity & { role: JoinRole };
      const signer = signerOf(identity);
      if (!signer || !authorities.trusted("host").some((key) => key.equals(signer))) {
        throw new AppError(
          "access_denied",
          "the authority of this host's certificate is trusted no more; it must join the cluster again",
        );
      }
      const names = await hosts.renewal({ hostId, role }, publicKey);
      const certificate = await issuer.forHost({ hostId, role, names }, publicKey);
      return { certificate: formatCertificateLine(certificate), authorities: authorities.list() };
    },
    "servers.announce": async ({ proxy, ...server }, { identity, address }) => {
      const { hostId, role } = identity as HostIdentity;
      if (role !== server.role) {
        throw new AppError("access_denied", `a ${role} cannot announce a ${server.role}`);
      }
      await hosts.checkAnnounced(hostId, server.name);
      warnOfVersion(server, hostId);
      const reachable = reachableAddress(server.address, address);
      presence.announce({ ...server, id: hostId, address: reachable, lastSeen: clock.now(), proxy });
      return { address: reachable };
    },
    "servers.list": ({ role }, { identity, rights }) => {
      const servers = presence.list(role).map(({ proxy: _proxy, ...server }) => server);
      if (identity.kind === "user" && identity.foreign && role !== "node") return Promise.resolve([]);
      const all = identity.kind === "host" || role !== "node";
      return Promise.resolve(
        all ? servers : servers.filter(({ labels }) => rights?.mayReach(labels) === true),
      );
    },
  };
}

/** A server that listens everywhere is reached where its connection came from. */
function reachableAddress(announced: string, source: string): string {
  const host = hostOf(announced);
  const anywhere = host === "0.0.0.0" || host === "::" || host === "";
  const port = announced.slice(announced.lastIndexOf(":") + 1);
  const plain = source.replace(/^::ffff:/, "");
  return anywhere ? `${plain.includes(":") ? `[${plain}]` : plain}:${port}` : announced;
}

/** Who was warned of, and of which version: once is enough. Bounded, since a host may call itself anything. */
const warned = new Map<string, string>();
const MAX_WARNED = 10_000;

function warnOfVersion(
  { role, name, version }: { role: JoinRole; name: string; version: string },
  hostId: string,
): void {
  if (interoperates(version, VERSION) || warned.get(hostId) === version) return;
  if (warned.size >= MAX_WARNED) warned.clear();
  warned.set(hostId, version);
  log.warn(
    "the {role} {name} ({id}) runs version {version}: only neighbouring minor versions work with {own}",
    {
      role,
      name,
      id: hostId,
      version,
      own: VERSION,
    },
  );
}
