import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { run } from "../../tests/kit/run.ts";
import { AppError } from "../base/errors.ts";
import { Secret } from "../base/secret.ts";
import { needsPassphrase, parsePrivateKey } from "./private_key.ts";
import { parsePublicKeyLine } from "./public_key.ts";
import { sign, verify } from "./signature.ts";
import { WireReader, WireWriter } from "./wire.ts";

const PASSPHRASE = new Secret("correct härse");
const DATA = new TextEncoder().encode("to be signed");
const KINDS = [["ed25519", "256"], ["rsa", "2048"], ["ecdsa", "256"], ["ecdsa", "384"], ["ecdsa", "521"]];

/** A key file as ssh-keygen writes it, encrypted unless told otherwise. */
async function keyFile(
  kind: readonly string[],
  args: readonly string[],
  passphrase = PASSPHRASE.reveal(),
): Promise<{ text: string; line: string }> {
  const directory = await Deno.makeTempDir();
  try {
    const [type = "", bits = ""] = kind;
    const path = `${directory}/key`;
    const made = await run("ssh-keygen", [
      ...["-q", "-t", type, "-b", bits, "-N", passphrase, "-f", path, ...args],
    ]);
    assertEquals(made.code, 0, made.stderr);
    return { text: await Deno.readTextFile(path), line: await Deno.readTextFile(`${path}.pub`) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function assertOpens(text: string, line: string, passphrase?: Secret<string>): void {
  const key = parsePrivateKey(text, passphrase);
  const { key: expected } = parsePublicKeyLine(line);
  assert(key.publicKey.equals(expected));
  assert(verify(expected, sign(key, DATA), DATA));
}

function assertEncrypted(text: string, line: string): void {
  assertEquals(needsPassphrase(text), true);
  assertOpens(text, line, PASSPHRASE);
  for (
    const [passphrase, why] of [
      [undefined, "its passphrase is needed"],
      [new Secret("wrong"), "passphrase of the private key is wrong"],
      [new Secret(""), "passphrase"],
    ] as const
  ) {
    const error = assertThrows(() => parsePrivateKey(text, passphrase), AppError, why);
    assertEquals(error.code, "unauthenticated");
  }
}

for (const kind of KINDS) {
  Deno.test(`an encrypted ${kind.join("-")} key opens with its passphrase only, in every format of ssh-keygen`, async () => {
    for (const args of [["-a", "1"], ["-m", "PEM"], ["-m", "PKCS8"]]) {
      if (kind[0] === "ed25519" && args[0] === "-m") continue; // ssh-keygen writes these in its own format only
      const { text, line } = await keyFile(kind, args);
      assertEncrypted(text, line);
    }
  });

  Deno.test(`an ${kind.join("-")} key without a passphrase is read in every format of ssh-keygen, whatever passphrase is given`, async () => {
    for (const args of [[], ["-m", "PEM"], ["-m", "PKCS8"]]) {
      const { text, line } = await keyFile(kind, args, "");
      assertEquals(needsPassphrase(text), false);
      assertOpens(text, line);
      assertOpens(text, line, new Secret("not needed"));
    }
  });
}

for (
  const cipher of [
    ...["aes128-ctr", "aes256-ctr", "aes128-cbc", "aes256-cbc"],
    ...["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"],
  ]
) {
  Deno.test(`a key file encrypted with ${cipher} opens with its passphrase only`, async () => {
    const { text, line } = await keyFile(["ed25519", "256"], ["-a", "2", "-Z", cipher]);
    assertEncrypted(text, line);
  });
}

Deno.test("a cipher that we cannot read is named, with what to do", async () => {
  const { text } = await keyFile(["ed25519", "256"], ["-a", "1", "-Z", "3des-cbc"]);
  assertThrows(() => parsePrivateKey(text, PASSPHRASE), AppError, '"3des-cbc" cannot be read; rewrite');
});

const LINE = "-----";
const armour = (body: Uint8Array) =>
  `${LINE}BEGIN OPENSSH PRIVATE KEY${LINE}\n${
    Buffer.from(body).toString("base64")
  }\n${LINE}END OPENSSH PRIVATE KEY${LINE}\n`;
const bodyOf = (text: string) => Buffer.from(text.trim().split("\n").slice(1, -1).join(""), "base64");

Deno.test("a key file that asks for endless rounds is refused before the work begins", async () => {
  const { text } = await keyFile(["ed25519", "256"], ["-a", "1"]);
  const body = bodyOf(text);
  const magic = "openssh-key-v1\0".length;
  const reader = new WireReader(body.subarray(magic));
  const [cipher, kdf, options] = [reader.string(), reader.string(), new WireReader(reader.string())];
  const salt = options.string();
  for (const rounds of [0, 2049, 0xffff_ffff]) {
    const changed = new WireWriter().raw(body.subarray(0, magic)).string(cipher).string(kdf)
      .string(new WireWriter().string(salt).uint32(rounds).bytes())
      .raw(body.subarray(magic + reader.offset)).bytes();
    assertThrows(() => parsePrivateKey(armour(changed), PASSPHRASE), AppError, rounds ? "rounds" : "damaged");
  }
});

/** The number of rounds at the place where these two ciphers' files have it. */
function roundsOf(body: Buffer): number {
  const at = body.indexOf("bcrypt") + "bcrypt".length + 4 + 4 + 16;
  return body.length < at + 4 ? 0 : body.readUInt32BE(at);
}

Deno.test("no change of an encrypted key file makes the parser fail with anything but an AppError", async () => {
  const files = await Promise.all([
    keyFile(["ed25519", "256"], ["-a", "1"]),
    keyFile(["ecdsa", "256"], ["-a", "1", "-Z", "aes256-gcm@openssh.com"]),
  ]);
  const bodies = files.map(({ text }) => bodyOf(text));
  const tries = (text: string) => {
    try {
      sign(parsePrivateKey(text, PASSPHRASE), DATA);
    } catch (error) {
      assert(error instanceof AppError, `${error}`);
    }
  };
  fc.assert(
    fc.property(fc.constantFrom(...bodies), fc.nat(), fc.nat(255), fc.boolean(), (body, at, value, cut) => {
      const changed = Buffer.from(body);
      changed[at % changed.length] = value;
      fc.pre(roundsOf(changed) <= 4); // more is slow, and has a test of its own
      tries(armour(cut ? changed.subarray(0, at % changed.length) : changed));
    }),
    { numRuns: 200 },
  );
});
