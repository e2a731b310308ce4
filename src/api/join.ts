/**
 * The joining host's side: proves the token, checks the auth server, and gets a certificate for each role.
 * @module
 */
import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { type Clock, toSeconds } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import { EXTENSION } from "../model/authority.ts";
import type { JoinRole } from "../model/identity.ts";
import { type Certificate, checkCertificate, parseCertificateLine } from "../ssh/certificate.ts";
import { connectSsh } from "../ssh/client.ts";
import { generateKey, type PrivateKey } from "../ssh/private_key.ts";
import type { PublicKey } from "../ssh/public_key.ts";
import { authorityPin } from "./pin.ts";
import { openApi } from "./connection.ts";
import { type HostCredentials, trustOf } from "./host_identity.ts";
import { JOIN_USER, joinAnswerer, requireProof } from "./join_proof.ts";

export interface JoinOptions {
  /** A connected stream to an auth server. */
  stream: Duplex;
  token: Secret<string>;
  /** `sha256:<hex>` pins of the host CA, in addition to the proof; empty for none. */
  caPins: readonly string[];
  hostId: string;
  name: string;
  role: JoinRole;
  publicNames: string[];
  clock: Clock;
  /** The host's key, if it has one already. */
  key?: PrivateKey;
  /** For a host that has a cluster already: the keys of its host CA. Left out, the token's proof is enough. */
  known?: readonly PublicKey[];
}

/** @throws {AppError} access_denied with the cluster's reason, or unauthenticated when the server is not genuine */
export async function joinCluster(options: JoinOptions): Promise<HostCredentials> {
  const { token, caPins, hostId, name, role, publicNames, clock, known } = options;
  let presented: Certificate | undefined;
  const dialog = joinAnswerer(token);
  const ssh = await connectSsh({
    stream: options.stream,
    username: JOIN_USER,
    answer: dialog.answer,
    verifyHost: (certificate) => {
      checkPresented(certificate, caPins, clock);
      if (known && !known.some((key) => key.equals(certificate?.authority))) {
        throw new AppError(
          "unauthenticated",
          "the auth server is not of the cluster that this host has joined",
        );
      }
      presented = certificate;
    },
  });
  try {
    requireProof(dialog);
    const { key = generateKey() } = options;
    const api = await openApi(ssh);
    const answer = await api.call("hosts.join", {
      hostId,
      name,
      publicNames,
      keys: [{ role, publicKey: key.publicKey.toLine() }],
    });
    const certificate = answer.certificates.find((issued) => issued.role === role)?.certificate;
    const trust = trustOf(answer.cluster, answer.authorities);
    const host = presented;
    if (!certificate || !host || !trust.host.some((known) => known.equals(host.authority))) {
      throw new AppError("unauthenticated", "the auth server's own certificate is not from the CA it names");
    }
    return {
      cluster: answer.cluster,
      hostId,
      key,
      certificate: parseCertificateLine(certificate),
      authorities: answer.authorities,
      joinedWith: tokenDigest(token),
    };
  } finally {
    ssh.close();
  }
}

/** Names a token in the host's own files. */
export function tokenDigest(token: Secret<string>): string {
  return createHash("sha256").update(token.reveal()).digest("hex");
}

/**
 * Before the CA is known, the certificate only has to be a sound auth server's certificate under some CA, and under
 * the pinned one if there is a pin. Who the server really is follows from its proof of the token.
 */
function checkPresented(certificate: Certificate, pins: readonly string[], clock: Clock): void {
  const why = checkCertificate(certificate, {
    kind: "host",
    authorities: [certificate.authority],
    now: toSeconds(clock.now()),
  });
  if (why) throw new AppError("unauthenticated", why);
  if (certificate.extensions.get(EXTENSION.hostRole) !== "auth") {
    throw new AppError("unauthenticated", "the server at the auth address is not an auth server");
  }
  if (pins.length > 0 && !pins.includes(authorityPin(certificate.authority))) {
    throw new AppError(
      "unauthenticated",
      `the cluster's CA is ${
        authorityPin(certificate.authority)
      }, which no --ca-pin names; nothing was joined`,
    );
  }
}
