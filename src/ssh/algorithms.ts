/**
 * The algorithms of SSH connections by name: what is offered, what can be offered when an administrator asks for it, and
 * what is known but never offered. No SHA-1, no CBC, no MD5, no compression (an unauthenticated peer could otherwise make
 * us inflate a bomb), and nothing that ssh2 or the runtime cannot do.
 * @module
 */

/** Names in the order of preference, strongest first. */
export interface Algorithms {
  ciphers: readonly string[];
  kex: readonly string[];
  macs: readonly string[];
}

/** What one name stands for: offered, or known and left out. */
export type Standing = "offered" | "weak" | "unavailable";

interface Family {
  readonly offered: readonly string[];
  /** Sound and working. Clients take them; servers offer them only on request: not what we want everybody to use. */
  readonly onRequest: readonly string[];
  /** Broken, or with too short a tag, group or hash. */
  readonly weak: readonly string[];
  /** Sound, but ssh2 or the runtime does not have it. */
  readonly unavailable: readonly string[];
}

const FAMILIES: Readonly<Record<keyof Algorithms, Family>> = {
  ciphers: {
    offered: [
      "chacha20-poly1305@openssh.com",
      "aes128-gcm@openssh.com",
      "aes256-gcm@openssh.com",
      "aes128-ctr",
      "aes192-ctr",
      "aes256-ctr",
    ],
    onRequest: [],
    weak: [
      ...["arcfour", "arcfour128", "arcfour256"],
      ...["aes128-cbc", "aes192-cbc", "aes256-cbc", "rijndael-cbc@lysator.liu.se"],
      ...["3des-cbc", "blowfish-cbc", "cast128-cbc"],
    ],
    unavailable: [],
  },
  kex: {
    offered: [
      "curve25519-sha256",
      "curve25519-sha256@libssh.org",
      "diffie-hellman-group16-sha512",
      "diffie-hellman-group18-sha512",
      "diffie-hellman-group14-sha256",
    ],
    // The NIST curves serve clients in FIPS mode; auditors call them a weakness.
    onRequest: ["ecdh-sha2-nistp256", "ecdh-sha2-nistp384"],
    weak: [
      "diffie-hellman-group1-sha1",
      "diffie-hellman-group14-sha1",
      "diffie-hellman-group-exchange-sha1",
    ],
    unavailable: [
      "ecdh-sha2-nistp521", // the runtime has no ECDH over this curve
      "diffie-hellman-group-exchange-sha256", // ssh2 has no server for it
      ...["sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com", "mlkem768x25519-sha256"],
    ],
  },
  macs: {
    offered: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
    onRequest: ["hmac-sha2-256", "hmac-sha2-512"], // encrypt-and-MAC
    weak: [
      ...["hmac-sha1", "hmac-sha1-96", "hmac-sha1-etm@openssh.com", "hmac-sha1-96-etm@openssh.com"],
      ...["hmac-md5", "hmac-md5-96", "hmac-md5-etm@openssh.com", "hmac-md5-96-etm@openssh.com"],
      ...["hmac-ripemd160", "hmac-ripemd160@openssh.com", "hmac-ripemd160-etm@openssh.com"],
      ...["hmac-sha2-256-96", "hmac-sha2-512-96", "umac-64@openssh.com", "umac-64-etm@openssh.com"],
    ],
    unavailable: ["umac-128@openssh.com", "umac-128-etm@openssh.com"],
  },
};

/** What servers offer unless an administrator chose. */
export const DEFAULT_ALGORITHMS: Algorithms = {
  ciphers: FAMILIES.ciphers.offered,
  kex: FAMILIES.kex.offered,
  macs: FAMILIES.macs.offered,
};

/** What becomes of an algorithm that an administrator names; undefined for a name that nobody knows. */
export function standingOf(family: keyof Algorithms, name: string): Standing | undefined {
  const { weak, unavailable } = FAMILIES[family];
  if (usableNames(family).includes(name)) return "offered";
  if (weak.includes(name)) return "weak";
  return unavailable.includes(name) ? "unavailable" : undefined;
}

/** All names that can be offered. */
export function usableNames(family: keyof Algorithms): string[] {
  const { offered, onRequest } = FAMILIES[family];
  return [...offered, ...onRequest];
}

let chosen: Algorithms | undefined;

/** Chooses the algorithms of connections made from now on in this thread; undefined means the defaults. */
export function useAlgorithms(algorithms: Algorithms | undefined): void {
  chosen = algorithms;
}

/** What was chosen with {@linkcode useAlgorithms}. */
export function chosenAlgorithms(): Algorithms | undefined {
  return chosen;
}
