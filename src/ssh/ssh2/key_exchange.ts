/**
 * Each key exchange of a connection as it begins, and what ssh2's lack: the check of the other side's value, and for
 * finite-field groups private exponents of the length that their strength needs, which makes them ten times cheaper. An
 * unauthenticated client may ask for the largest group.
 * @module
 */
import type { Buffer } from "node:buffer";
import { createDiffieHellman, createDiffieHellmanGroup, randomBytes } from "node:crypto";
import type { GroupKex, Kex, Protocol } from "./internals.ts";

const watchers = new WeakMap<Protocol, ((kex: Kex) => void)[]>();

/** Calls `see` with every key exchange, once its algorithms are known and before its first message leaves. */
export function onKeyExchange(protocol: Protocol, see: (kex: Kex) => void): void {
  const known = watchers.get(protocol);
  if (known) {
    known.push(see);
    return;
  }
  const all = [see];
  watchers.set(protocol, all);
  let kex = protocol._kex;
  Object.defineProperty(protocol, "_kex", {
    configurable: true,
    get: () => kex,
    set: (value: Kex | undefined) => {
      kex = value;
      if (value) { for (const watcher of all) watcher(value); }
    },
  });
}

/** Twice the strength of the largest group, and what OpenSSH takes for 256-bit keys. */
const EXPONENT_BYTES = 64;

/** Makes one key exchange strict with the other side's value, and cheap. The runtime checks points of the NIST curves. */
export function hardenExchange(kex: Kex): void {
  if (isGroup(kex)) hardenGroup(kex);
  else if (kex.type === "25519") accept(kex, (value) => value.length === POINT_BYTES);
}

/** The length of a Curve25519 public key (RFC 8731 section 3). */
const POINT_BYTES = 32;

function isGroup(kex: Kex): kex is GroupKex {
  return kex.type === "group";
}

/** RFC 4253 section 8, RFC 8268. */
function hardenGroup(kex: GroupKex): void {
  const group = createDiffieHellmanGroup(kex.groupName);
  const prime = group.getPrime();
  kex.generateKeys = () => {
    if (kex._dh) return;
    const exchange = createDiffieHellman(prime, group.getGenerator());
    exchange.setPrivateKey(randomBytes(EXPONENT_BYTES));
    kex._public = exchange.generateKeys();
    kex._dh = exchange;
  };
  accept(kex, (value) => isWithin(value, prime));
}

function accept(kex: Kex, isGood: (value: Buffer) => boolean): void {
  const compute = kex.computeSecret;
  kex.computeSecret = (value) =>
    isGood(value) ? compute.call(kex, value) : new Error("the other side's value is not valid");
}

/** Whether 1 < value < prime - 1 (RFC 4253 section 8 with RFC 8268 section 4: what is left out gives the secret away). */
function isWithin(value: Buffer, prime: Buffer): boolean {
  const number = BigInt(`0x${value.toString("hex") || "0"}`);
  return number > 1n && number < BigInt(`0x${prime.toString("hex")}`) - 1n;
}
