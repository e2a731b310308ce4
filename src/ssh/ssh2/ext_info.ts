/**
 * EXT_INFO (RFC 8308): what a server tells once about the signatures that it verifies. ssh2's own list lacks a comma and
 * names SHA-1 and DSA; what it receives it keeps to itself.
 * @module
 */
import { SIGNATURE_ALGORITHMS } from "../signature.ts";
import { WireWriter } from "../wire.ts";
import type { Protocol } from "./internals.ts";
import { sendMessage } from "./library.ts";

const EXT_INFO = 7;

/**
 * Sends it in ssh2's place. Call it when the first key exchange is complete, before anything else is sent: that is where
 * section 2.4 wants it. The names are those of signatures, without certificates (section 3.1).
 */
export function sendExtInfo(protocol: Protocol): void {
  const kex = protocol._kex;
  if (!protocol._server || !kex?.remoteExtInfoEnabled) return;
  kex.remoteExtInfoEnabled = false; // ssh2 would send its own
  sendMessage(
    protocol,
    new WireWriter().byte(EXT_INFO).uint32(1).string("server-sig-algs").string(SIGNATURE_ALGORITHMS.join(","))
      .bytes(),
  );
}

const received = new WeakMap<Protocol, string[]>();

/** Remembers what the server tells. Call it on a client's connection before its key exchange ends. */
export function noteExtInfo(protocol: Protocol): void {
  const { EXT_INFO: handler } = protocol._handlers;
  protocol._handlers.EXT_INFO = (self, ...rest) => {
    const [extensions] = rest as [{ name: string; algs?: string[] }[]];
    const algorithms = extensions.find(({ name }) => name === "server-sig-algs")?.algs;
    if (algorithms) received.set(protocol, algorithms);
    handler?.(self, ...rest);
  };
}

/** The signature algorithms that the server verifies, if it told. */
export function signatureAlgorithmsOf(protocol: Protocol): readonly string[] | undefined {
  return received.get(protocol);
}
