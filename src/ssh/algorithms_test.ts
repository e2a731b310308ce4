import { assert, assertEquals } from "@std/assert";
import { type Algorithms, DEFAULT_ALGORITHMS, standingOf, usableNames } from "./algorithms.ts";

const FAMILIES = ["ciphers", "kex", "macs"] as const satisfies (keyof Algorithms)[];
const WEAK = /sha1|md5|cbc|arcfour|3des|blowfish|cast|-96|ripemd|umac-64|group1-/;

Deno.test("what servers offer can be configured, and none of it is weak", () => {
  for (const family of FAMILIES) {
    const usable = usableNames(family);
    assertEquals(new Set(usable).size, usable.length);
    for (const name of DEFAULT_ALGORITHMS[family]) assert(usable.includes(name), name);
    for (const name of usable) {
      assertEquals(standingOf(family, name), "offered", name);
      assertEquals(WEAK.test(name), false, name);
    }
  }
});

Deno.test("what is known but never offered is told apart from what nobody knows", () => {
  assertEquals(standingOf("ciphers", "arcfour256"), "weak");
  assertEquals(standingOf("ciphers", "3des-cbc"), "weak");
  assertEquals(standingOf("kex", "diffie-hellman-group1-sha1"), "weak");
  assertEquals(standingOf("kex", "ecdh-sha2-nistp521"), "unavailable");
  assertEquals(standingOf("macs", "hmac-sha1-96"), "weak");
  assertEquals(standingOf("macs", "umac-128-etm@openssh.com"), "unavailable");
  for (const name of ["", "aes", "AES256-CTR", "constructor", "hmac-sha2-256", "zlib"]) {
    assertEquals(standingOf("ciphers", name), undefined, name);
  }
});

/** What `ssh -Q` prints, of OpenSSH 9.2 and 10.0. */
const OPENSSH: Algorithms = {
  ciphers: [
    ...["3des-cbc", "aes128-cbc", "aes192-cbc", "aes256-cbc", "aes128-ctr", "aes192-ctr", "aes256-ctr"],
    ...["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"],
  ],
  kex: [
    ...["diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group14-sha256"],
    ...["diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512"],
    ...["diffie-hellman-group-exchange-sha1", "diffie-hellman-group-exchange-sha256"],
    ...["ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"],
    ...["curve25519-sha256", "curve25519-sha256@libssh.org", "mlkem768x25519-sha256"],
    ...["sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com"],
  ],
  macs: [
    ...["hmac-sha1", "hmac-sha1-96", "hmac-sha2-256", "hmac-sha2-512", "hmac-md5", "hmac-md5-96"],
    ...["umac-64@openssh.com", "umac-128@openssh.com", "hmac-sha1-etm@openssh.com"],
    ...["hmac-sha1-96-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
    ...["hmac-md5-etm@openssh.com", "hmac-md5-96-etm@openssh.com"],
    ...["umac-64-etm@openssh.com", "umac-128-etm@openssh.com"],
  ],
};

Deno.test("a list that was written for OpenSSH stops no start", () => {
  for (const family of FAMILIES) {
    for (const name of OPENSSH[family]) assert(standingOf(family, name) !== undefined, name);
  }
});
