/**
 * Host certificates on ssh2 connections, server and client side. ssh2 takes one name for the host key algorithm and
 * for the signature's type; with certificates the two differ, so the name is swapped between the two uses.
 * @module
 */
import { Buffer } from "node:buffer";
import { type Certificate, CERTIFICATE_SUFFIX } from "../certificate.ts";
import type { PrivateKey } from "../private_key.ts";
import { sign } from "../signature.ts";
import { WireReader } from "../wire.ts";
import type { HostKeyObject, Kex, Protocol, Ssh2Connection } from "./internals.ts";
import { plainAlgorithm } from "./key_patch.ts";
import { onKeyExchange } from "./key_exchange.ts";
import { libraryKey } from "./library.ts";

/** What a server proves itself with. */
export interface HostCredential {
  key: PrivateKey;
  certificate: Certificate;
}

const hostCredentials = new WeakMap<object, HostCredential>();

function algorithmsOf(certificate: Certificate): string[] {
  return certificate.key.type === "ssh-rsa"
    ? ["rsa-sha2-512", "rsa-sha2-256"].map((name) => name + CERTIFICATE_SUFFIX)
    : [certificate.type];
}

/** Entries for the `hostKeys` of an ssh2 server. */
export function serverHostKeys(credential: HostCredential): { key: object }[] {
  return algorithmsOf(credential.certificate).map((algorithm) => {
    const key = Object.create(libraryKey(credential.certificate.key.toLine()), {
      type: { value: algorithm },
      getPublicSSH: { value: () => credential.certificate.blob },
      isPrivateKey: { value: () => true },
      getPrivatePEM: { value: () => "" },
    });
    hostCredentials.set(key, credential);
    return { key };
  });
}

/** Makes one accepted connection sign with its certificates' keys. Call it before the key exchange starts. */
export function presentHostCertificates(connection: Ssh2Connection): void {
  const protocol = connection._protocol;
  const keys: Record<string, HostKeyObject> = Object.create(null);
  for (const [algorithm, key] of Object.entries(protocol._hostKeys)) {
    const credential = hostCredentials.get(key);
    keys[algorithm] = credential ? signingKey(protocol, algorithm, key, credential) : key;
  }
  protocol._hostKeys = keys;
}

function signingKey(
  protocol: Protocol,
  algorithm: string,
  key: HostKeyObject,
  credential: HostCredential,
): HostKeyObject {
  const plain = plainAlgorithm(algorithm) ?? algorithm;
  return Object.create(key, {
    type: { value: algorithm },
    sign: {
      value: (data: Buffer) => {
        // ssh2 writes negotiated.serverHostKey as the signature's type right after this returns.
        if (protocol._kex) protocol._kex.negotiated.serverHostKey = plain;
        const blob = new WireReader(sign(credential.key, data, plain));
        blob.string();
        return blob.string();
      },
    },
  });
}

/**
 * Lets one client connection accept host certificates. Call it right after `connect`, which creates the protocol.
 * @returns a function for the host verifier: it must be called once the presented key was accepted
 */
export function acceptHostCertificates(protocol: Protocol): () => void {
  let current: Kex | undefined;
  let plain: string | undefined;
  onKeyExchange(protocol, (kex) => {
    current = kex;
    plain = plainAlgorithm(kex.negotiated.serverHostKey);
    if (plain?.startsWith("rsa-sha2-")) {
      kex.negotiated.serverHostKey = "ssh-rsa-cert-v01@openssh.com"; // the type inside the presented blob
    }
  });
  return () => {
    if (current && plain !== undefined) current.negotiated.serverHostKey = plain;
  };
}
