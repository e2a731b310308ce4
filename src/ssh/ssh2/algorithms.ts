/**
 * The algorithms we offer, in the shape that ssh2 takes them.
 * @module
 */
import { type Algorithms, chosenAlgorithms, DEFAULT_ALGORITHMS, usableNames } from "../algorithms.ts";
import { aeadMaker } from "../cipher.ts";

function forLibrary({ kex, ciphers, macs }: Algorithms): Record<string, string[]> {
  return { kex: [...kex], cipher: [...ciphers], hmac: [...macs], compress: ["none"] };
}

/** For an ssh2 server. The client's order decides, so ours does not matter. */
export function serverAlgorithms(): Record<string, string[]> {
  return forLibrary(chosenAlgorithms() ?? DEFAULT_ALGORITHMS);
}

/**
 * For an ssh2 client. Unless an administrator chose: everything that a server could have been limited to, AES-GCM first
 * where libcrypto computes it on both ends, else ChaCha20, which is fast without.
 * @param serverIsPortable the server has no libcrypto: its GCM would be slow
 */
export function clientAlgorithms(
  hostKeys: readonly string[],
  serverIsPortable = false,
): Record<string, string[]> {
  const chosen = chosenAlgorithms();
  const all = { kex: usableNames("kex"), ciphers: usableNames("ciphers"), macs: usableNames("macs") };
  const offer = forLibrary(chosen ?? all);
  const gcmFirst = chosen === undefined && aeadMaker() !== undefined && !serverIsPortable;
  const cipher = gcmFirst ? [...offer.cipher ?? []].sort((a, b) => rank(a) - rank(b)) : offer.cipher ?? [];
  return { ...offer, cipher, serverHostKey: [...hostKeys] };
}

/** Sorting by it brings AES-GCM to the front and leaves the rest in its order. */
function rank(cipher: string): number {
  return isGcm(cipher) ? 0 : 1;
}

/** True for the ciphers that need no strict key exchange: each packet's nonce counts from a secret start. */
export function isGcm(cipher: string): boolean {
  return /^aes(128|256)-gcm@openssh\.com$/.test(cipher);
}
