import { assert, assertEquals, assertRejects } from "@std/assert";
import { AppError } from "../base/errors.ts";
import { AgentClient } from "./agent.ts";
import { loginAgent, ownAgent } from "./agent_server.ts";
import { issueCertificate } from "./certificate.ts";
import { generateKey } from "./private_key.ts";
import { verify } from "./signature.ts";
import { WireWriter } from "./wire.ts";

const [ca, key] = [generateKey(), generateKey()];
const certificate = issueCertificate(ca, {
  kind: "user",
  key: key.publicKey,
  keyId: "joe",
  principals: ["joe"],
  validAfter: 0,
  validBefore: Infinity,
});

/** What a client signs to log in (RFC 4252 section 7). */
function loginData({ user = "joe", service = "ssh-connection", blob = certificate.blob, number = 50 } = {}) {
  return new WireWriter().string("session").byte(number).string(user).string(service).string("publickey")
    .boolean(true).string(certificate.type).string(blob).bytes();
}

Deno.test("a login agent lists its certificate and signs logins with it, as the users it was made for", async () => {
  const agent = new AgentClient(loginAgent({ key, certificate }, new Set(["joe", "root"])));
  assertEquals((await agent.list()).map(({ blob }) => blob), [certificate.blob]);
  for (const user of ["joe", "root"]) {
    const data = loginData({ user });
    assert(verify(key.publicKey, await agent.sign(certificate.blob, data, "ssh-ed25519"), data));
  }
});

Deno.test("a login agent signs nothing else", async () => {
  const agent = new AgentClient(loginAgent({ key, certificate }, new Set(["joe"])));
  const refused = (blob: Uint8Array, data: Uint8Array) =>
    assertRejects(() => agent.sign(blob, data, "ssh-ed25519"), AppError, "refuses to sign");
  await refused(certificate.blob, loginData({ user: "root" }));
  await refused(certificate.blob, loginData({ service: "other" }));
  await refused(certificate.blob, loginData({ number: 51 }));
  await refused(certificate.blob, loginData({ blob: key.publicKey.blob }));
  await refused(certificate.blob, new WireWriter().raw(loginData()).byte(0).bytes());
  await refused(certificate.blob, new TextEncoder().encode("SSHSIG of a file"));
  await refused(certificate.blob, new Uint8Array());
  await refused(key.publicKey.blob, loginData());
  assertEquals(await agent.remove(certificate.blob), false);
  assertEquals((await agent.list()).length, 1);
});

Deno.test("a login's own key serves where an agent is wanted", async () => {
  const agent = ownAgent({ key, certificate });
  assertEquals((await agent.list()).map(({ blob }) => blob), [certificate.blob]);
  const data = loginData();
  assert(verify(key.publicKey, await agent.sign(certificate.blob, data, "ssh-ed25519"), data));
  await assertRejects(() => agent.sign(key.publicKey.blob, data, "ssh-ed25519"), AppError);
});
