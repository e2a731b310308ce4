/**
 * The algorithms we offer: what OpenSSH offers today, less what ssh2 or the runtime cannot do. No SHA-1, no CBC, no
 * compression (an unauthenticated peer could otherwise make us inflate a bomb).
 * @module
 */
import { aeadMaker } from "../cipher.ts";

const KEX = [
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "ecdh-sha2-nistp256",
  "ecdh-sha2-nistp384",
  "diffie-hellman-group16-sha512",
  "diffie-hellman-group18-sha512",
  "diffie-hellman-group14-sha256",
];

const CIPHERS = [
  "chacha20-poly1305@openssh.com",
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "aes128-ctr",
  "aes192-ctr",
  "aes256-ctr",
];

const MACS = [
  "hmac-sha2-256-etm@openssh.com",
  "hmac-sha2-512-etm@openssh.com",
  "hmac-sha2-256",
  "hmac-sha2-512",
];

/** For an ssh2 server. The client's order decides, so ours does not matter. */
export function serverAlgorithms(): Record<string, string[]> {
  return { kex: KEX, cipher: CIPHERS, hmac: MACS, compress: ["none"] };
}

/**
 * For an ssh2 client: AES-GCM first where libcrypto computes it on both ends, else ChaCha20, which is fast without.
 * @param serverIsPortable the server has no libcrypto: its GCM would be slow
 */
export function clientAlgorithms(
  hostKeys: readonly string[],
  serverIsPortable = false,
): Record<string, string[]> {
  const gcm = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];
  const gcmFirst = aeadMaker() !== undefined && !serverIsPortable;
  const cipher = gcmFirst ? [...gcm, ...CIPHERS.filter((name) => !gcm.includes(name))] : CIPHERS;
  return { kex: KEX, cipher, hmac: MACS, compress: ["none"], serverHostKey: [...hostKeys] };
}
