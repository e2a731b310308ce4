import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { DEFAULT_ALGORITHMS } from "../../ssh/algorithms.ts";
import { loadConfig } from "./load.ts";

const SAMPLE = `teleport:
  ciphers: [aes128-ctr, aes256-ctr, aes128-gcm@openssh.com, arcfour256, arcfour128]
  kex_algos:
    - curve25519-sha256@libssh.org
    - ecdh-sha2-nistp256
    - ecdh-sha2-nistp521
    - diffie-hellman-group14-sha1
  mac_algos: [hmac-sha2-256-etm@openssh.com, hmac-sha2-256, hmac-sha1, hmac-sha1-96]
`;

function load(text: string) {
  return loadConfig({ config: "t.yaml" }, {
    hostname: "luna",
    uid: 0,
    home: "/root",
    cwd: "/",
    readTextFile: () => Promise.resolve(text),
  });
}

Deno.test("without the keys nothing is chosen", async () => {
  assertEquals((await load("")).algorithms, undefined);
});

Deno.test("the manual's lists are taken; what is weak or not there is left out with a warning", async () => {
  const { algorithms, warnings } = await load(SAMPLE);
  assertEquals(algorithms, {
    ciphers: ["aes128-ctr", "aes256-ctr", "aes128-gcm@openssh.com"],
    kex: ["curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"],
    macs: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"],
  });
  assertEquals(warnings, [
    't.yaml:2:61: cipher "arcfour256" is too weak: it is not offered',
    't.yaml:2:73: cipher "arcfour128" is too weak: it is not offered',
    't.yaml:6:5: KEX "ecdh-sha2-nistp521" is not available in this build: it is not offered',
    't.yaml:7:5: KEX "diffie-hellman-group14-sha1" is too weak: it is not offered',
    't.yaml:8:61: MAC "hmac-sha1" is too weak: it is not offered',
    't.yaml:8:72: MAC "hmac-sha1-96" is too weak: it is not offered',
  ]);
});

Deno.test("one list chosen leaves the others as they are; a single name needs no list, a second one counts once", async () => {
  const { algorithms } = await load("teleport: {ciphers: aes256-ctr}");
  assertEquals(algorithms, { ...DEFAULT_ALGORITHMS, ciphers: ["aes256-ctr"] });
  const twice = await load("teleport: {mac_algos: [hmac-sha2-512, hmac-sha2-512]}");
  assertEquals(twice.algorithms?.macs, ["hmac-sha2-512"]);
});

/** A name with a slip of the pen in it, in the list of `key`. */
async function unknownNameStops(key: string, what: string, bad: string, good: string): Promise<void> {
  const text = `teleport:\n  ${key}:\n    - ${good}\n    - ${bad}\n`;
  const { message } = await assertRejects(() => load(text), AppError);
  assertStringIncludes(message, `t.yaml:4:5: "teleport.${key}.1": ${what} "${bad}" not supported`);
  assertStringIncludes(message, `supported: `);
  assertStringIncludes(message, `did you mean "${good}"?`);
}

Deno.test("an unknown name in ciphers stops the start with its place and the names that can be used", async () => {
  await unknownNameStops("ciphers", "cipher", "aes256-ctl", "aes256-ctr");
});

Deno.test("an unknown name in kex_algos stops the start with its place and the names that can be used", async () => {
  await unknownNameStops("kex_algos", "KEX", "curve25519-sha265", "curve25519-sha256");
});

Deno.test("an unknown name in mac_algos stops the start with its place and the names that can be used", async () => {
  await unknownNameStops("mac_algos", "MAC", "hmac-sha2-265", "hmac-sha2-256");
});

for (
  const [key, what, weak, good] of [
    ["ciphers", "cipher", "3des-cbc", "aes256-ctr"],
    ["kex_algos", "KEX", "diffie-hellman-group1-sha1", "curve25519-sha256"],
    ["mac_algos", "MAC", "hmac-md5", "hmac-sha2-256"],
  ] as const
) {
  Deno.test(`a ${key} list of which nothing can be offered stops the start`, async () => {
    for (const list of [`[${weak}]`, "[]"]) {
      const error = await assertRejects(() => load(`teleport: {${key}: ${list}}`), AppError);
      assertStringIncludes(error.message, `t.yaml:1:12: "teleport.${key}" leaves no ${what} to offer`);
      assertStringIncludes(error.message, good);
    }
  });
}
