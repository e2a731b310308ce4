/**
 * Lets one connection wait with its KEXINIT (RFC 4253 section 7.1), so that it can depend on the other side's. Must load
 * before ssh2's protocol code, which keeps its own reference, and after what ssh2's key exchange code keeps.
 * @module
 */
import "./cipher_patch.ts";
import "./key_patch.ts";
import kexModule from "ssh2/lib/protocol/kex.js";
import type { KexOffer, Protocol } from "./internals.ts";

const kex = kexModule as {
  kexinit(protocol: Protocol): void;
  KexInit: new (lists: Record<string, unknown>) => KexOffer;
};
const kexinit = kex.kexinit;
const held = new WeakSet<Protocol>();

kex.kexinit = (protocol) => {
  if (!held.has(protocol)) kexinit(protocol);
};

/** Call it before the other side's identification line has been dealt with. */
export function holdKexInit(protocol: Protocol): void {
  held.add(protocol);
}

/** Sends the KEXINIT that was held; nothing else has been sent in the meantime. */
export function releaseKexInit(protocol: Protocol): void {
  if (held.delete(protocol)) kexinit(protocol);
}

/** The same offer with other key exchange methods or ciphers. */
export function withLists({ lists }: KexOffer, change: { kex?: string[]; ciphers?: string[] }): KexOffer {
  const direction = (from: KexOffer["lists"]["cs"]) => ({
    cipher: change.ciphers ?? from.cipher.array,
    mac: from.mac.array,
    compress: from.compress.array,
    lang: [],
  });
  return new kex.KexInit({
    kex: change.kex ?? lists.kex.array,
    serverHostKey: lists.serverHostKey.array,
    cs: direction(lists.cs),
    sc: direction(lists.sc),
  });
}
