/**
 * `tctl auth gen`: a key pair, without asking the auth server.
 * @module
 */
import { formatPrivateKey, generateKey } from "../../../src/ssh/private_key.ts";
import { examples, leaf, print } from "../../program.ts";

export function genCommand() {
  return leaf("gen", "Makes a key pair.")
    .addHelpText("after", examples("tctl auth gen --pub-key=ca.pub --priv-key=ca.key"))
    .requiredOption("--pub-key <path>", "where to write the public key")
    .requiredOption("--priv-key <path>", "where to write the private key")
    .action(async ({ pubKey, privKey }) => {
      const key = generateKey();
      await Deno.writeTextFile(privKey, formatPrivateKey(key), { mode: 0o600, createNew: true });
      await Deno.writeTextFile(pubKey, `${key.publicKey.toLine()}\n`, { mode: 0o600 });
      print(`wrote public key to: ${pubKey} and private key to: ${privKey}\n`);
    });
}
