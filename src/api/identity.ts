/**
 * From a presented certificate to an identity, and from a host certificate to a trusted peer. This file is the only
 * place where either happens.
 * @module
 */
import { toSeconds } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { EXTENSION } from "../model/authority.ts";
import {
  type HostIdentity,
  type Identity,
  type Permit,
  PERMITS,
  SYSTEM_ROLES,
  type SystemRole,
  type UserIdentity,
  withPermits,
} from "../model/identity.ts";
import { foreignUserName, isUserName, isUuid } from "../model/name.ts";
import { type Certificate, checkCertificate } from "../ssh/certificate.ts";
import type { PublicKey } from "../ssh/public_key.ts";
import { addressAllowed } from "./source_address.ts";

/** The authorities one cluster trusts, by purpose. */
export interface Trust {
  cluster: string;
  user: readonly PublicKey[];
  host: readonly PublicKey[];
  /** Other clusters, whose users are let in. Their hosts are nobody here. */
  foreign?: readonly { cluster: string; user: readonly PublicKey[] }[];
}

/** The authority whose signature made an identity. */
const signers = new WeakMap<Identity, PublicKey>();

/** The key that signed the certificate behind an identity; undefined for one that comes from no certificate. */
export function signerOf(identity: Identity): PublicKey | undefined {
  return signers.get(identity);
}

/** The same user with fewer permits: those that are not among `granted` are gone. The signature stays known. */
export function restrict(identity: UserIdentity, granted: ReadonlySet<Permit>): UserIdentity {
  const restricted = withPermits(identity, granted);
  const signer = signerOf(identity);
  if (signer) signers.set(restricted, signer);
  return restricted;
}

/** Critical options that every server of ours enforces. */
const UNDERSTOOD = ["force-command", "source-address"];

/** How a user is called who shows this certificate: for logs, also of certificates that are refused. */
export function claimedName(certificate: Certificate, trust: Trust): string {
  const { cluster } = clusterOf(certificate, trust);
  return cluster === trust.cluster ? certificate.keyId : foreignUserName(certificate.keyId, cluster);
}

/**
 * The user behind a certificate.
 * @param now milliseconds since the epoch
 * @param login the OS user or principal asked for, if one was
 * @param via the cluster through whose tunnel the user comes, if so: it speaks for its own users only
 * @throws {AppError} unauthenticated, with the reason
 */
export function identifyUser(
  certificate: Certificate,
  options: { trust: Trust; now: number; address: string; login?: string; via?: string },
): UserIdentity {
  const signed = clusterOf(certificate, options.trust);
  const why = checkCertificate(certificate, {
    kind: "user",
    authorities: signed.user,
    principal: options.login,
    now: toSeconds(options.now),
    understoodOptions: UNDERSTOOD,
  });
  if (why) throw new AppError("unauthenticated", why);
  if (certificate.extensions.has(EXTENSION.hostRole)) {
    throw new AppError("unauthenticated", "a user's certificate claims a host's role");
  }
  const sources = certificate.criticalOptions.get("source-address");
  if (sources !== undefined && !addressAllowed(options.address, sources)) {
    throw new AppError("unauthenticated", "the certificate may not be used from this address");
  }
  if (!isUserName(certificate.keyId)) {
    throw new AppError("unauthenticated", "the certificate names no valid user");
  }
  const cluster = certificate.extensions.get(EXTENSION.cluster);
  if (cluster !== undefined && cluster !== signed.cluster) {
    throw new AppError(
      "unauthenticated",
      "the certificate claims another cluster than the one that signed it",
    );
  }
  if (options.via !== undefined && options.via !== signed.cluster) {
    throw new AppError(
      "unauthenticated",
      `a user of cluster ${signed.cluster} cannot come through the tunnel of cluster ${options.via}`,
    );
  }
  const foreign = signed.cluster !== options.trust.cluster;
  const identity: UserIdentity = {
    kind: "user",
    name: claimedName(certificate, options.trust),
    roles: rolesOf(certificate),
    logins: certificate.principals,
    cluster: signed.cluster,
    ...(foreign ? { foreign } : {}),
    permits: new Set(PERMITS.filter((permit: Permit) => certificate.extensions.has(`permit-${permit}`))),
    forceCommand: certificate.criticalOptions.get("force-command"),
    expires: certificate.validBefore,
  };
  signers.set(identity, certificate.authority);
  return identity;
}

/** The cluster whose user CA has signed, and that CA's keys: this one, unless a key is another's alone. */
function clusterOf(
  { authority }: Certificate,
  trust: Trust,
): { cluster: string; user: readonly PublicKey[] } {
  const holds = ({ user }: { user: readonly PublicKey[] }) => user.some((key) => key.equals(authority));
  const own = holds(trust) || trust.host.some((key) => key.equals(authority));
  return (own ? undefined : trust.foreign?.find(holds)) ?? trust;
}

function rolesOf(certificate: Certificate): string[] | undefined {
  const text = certificate.extensions.get(EXTENSION.roles);
  if (text === undefined) return undefined;
  try {
    const { roles } = JSON.parse(text);
    if (Array.isArray(roles) && roles.every((role) => typeof role === "string")) return roles;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AppError("unauthenticated", "the certificate's roles cannot be read");
}

/**
 * The host behind a certificate, be it a server that a client connects to or a host that logs in.
 * @param name a name the certificate must carry
 * @param roles the roles that are acceptable
 * @throws {AppError} unauthenticated, with the reason
 */
export function identifyHost(
  certificate: Certificate,
  options: {
    trust: Pick<Trust, "cluster" | "host">;
    now: number;
    name?: string;
    roles?: readonly SystemRole[];
  },
): HostIdentity {
  const why = checkCertificate(certificate, {
    kind: "host",
    authorities: options.trust.host,
    principal: options.name,
    now: toSeconds(options.now),
  });
  if (why) throw new AppError("unauthenticated", why);
  if (certificate.extensions.has(EXTENSION.roles)) {
    throw new AppError("unauthenticated", "a host's certificate claims a user's roles");
  }
  const role = SYSTEM_ROLES.find((known) => known === certificate.extensions.get(EXTENSION.hostRole));
  const cluster = certificate.extensions.get(EXTENSION.cluster);
  const hostId = certificate.keyId;
  if (!role || !isUuid(hostId)) {
    throw new AppError("unauthenticated", "the host certificate names no role or host id");
  }
  if (cluster !== options.trust.cluster) {
    throw new AppError("unauthenticated", "the host certificate is for another cluster");
  }
  if (options.roles && !options.roles.includes(role)) {
    throw new AppError("unauthenticated", `the host is a ${role}, not a ${options.roles.join(" or ")}`);
  }
  const identity: HostIdentity = { kind: "host", role, hostId, cluster };
  signers.set(identity, certificate.authority);
  return identity;
}
