/**
 * Stands in for the program `u2f-host`: `-aauthenticate -o ORIGIN`, the challenge on stdin, the answer on stdout. The key is
 * the file that U2F_KEY names.
 * @module
 */
import { SoftwareKey } from "./security_key.ts";

const origin = Deno.args[Deno.args.indexOf("-o") + 1] ?? "";
const file = Deno.env.get("U2F_KEY") ?? "";
if (!Deno.args.includes("-aauthenticate") || origin === "" || file === "") {
  console.error("error: wrong call");
  Deno.exit(1);
}
const challenge = await new Response(Deno.stdin.readable).json();
const key = SoftwareKey.load(await Deno.readTextFile(file), origin);
if (challenge.keyHandle !== key.id.toString("base64url") || challenge.version !== "U2F_V2") {
  console.error("error: authenticator error"); // as the real one says of a key that is not registered
  Deno.exit(1);
}
console.log(JSON.stringify(key.answerRaw(challenge)));
await Deno.writeTextFile(file, key.save());
