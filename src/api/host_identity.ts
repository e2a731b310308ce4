/**
 * What a host keeps on its disk: its key and certificate for one role, and the authorities it trusts.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { Authority } from "../model/authority.ts";
import { type Certificate, formatCertificateLine, parseCertificateLine } from "../ssh/certificate.ts";
import { formatPrivateKey, parsePrivateKey, type PrivateKey } from "../ssh/private_key.ts";
import { parsePublicKeyLine } from "../ssh/public_key.ts";
import type { Trust } from "./identity.ts";

export interface HostCredentials {
  cluster: string;
  hostId: string;
  key: PrivateKey;
  certificate: Certificate;
  authorities: Authority[];
  /** SHA-256 of the join token that let the host in. */
  joinedWith?: string;
}

/** The text of an identity file; the caller writes it with mode 0600. */
export function formatHostCredentials(credentials: HostCredentials): string {
  const { cluster, hostId, key, certificate, authorities, joinedWith } = credentials;
  const file = {
    version: 1,
    cluster,
    hostId,
    key: formatPrivateKey(key),
    certificate: formatCertificateLine(certificate),
    authorities,
    joinedWith,
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** @throws {AppError} bad_input when the file is damaged */
export function parseHostCredentials(text: string): HostCredentials {
  try {
    const file = JSON.parse(text);
    const { cluster, hostId, authorities, joinedWith } = file;
    if (joinedWith !== undefined && typeof joinedWith !== "string") {
      throw new AppError("bad_input", "the token's digest is no text");
    }
    if (typeof cluster !== "string" || typeof hostId !== "string" || !isAuthorities(authorities)) {
      throw new AppError("bad_input", "a field is missing");
    }
    trustOf(cluster, authorities);
    const [key, certificate] = [parsePrivateKey(file.key), parseCertificateLine(file.certificate)];
    return { cluster, hostId, key, certificate, authorities, joinedWith };
  } catch (error) {
    throw new AppError("bad_input", "the identity file is damaged; remove it to join again", {
      cause: error,
    });
  }
}

function isAuthorities(value: unknown): value is Authority[] {
  return Array.isArray(value) &&
    value.every((authority) =>
      (authority?.kind === "user" || authority?.kind === "host") && typeof authority.cluster === "string" &&
      Array.isArray(authority.keys) && authority.keys.every((key: unknown) => typeof key === "string")
    );
}

/** The trusted keys of a cluster by purpose, out of its authorities. */
export function trustOf(cluster: string, authorities: readonly Authority[]): Trust {
  const keys = (kind: "user" | "host") =>
    authorities.filter((authority) => authority.kind === kind && authority.cluster === cluster)
      .flatMap((authority) => authority.keys.map((line) => parsePublicKeyLine(line).key));
  return { cluster, user: keys("user"), host: keys("host") };
}
