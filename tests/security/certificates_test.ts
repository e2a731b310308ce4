import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import type { Buffer } from "node:buffer";
import { identifyHost, identifyUser } from "../../src/api/identity.ts";
import { AppError } from "../../src/base/errors.ts";
import { EXTENSION } from "../../src/model/authority.ts";
import { type Certificate, CERTIFICATE_SUFFIX, parseCertificate } from "../../src/ssh/certificate.ts";
import { generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { sign } from "../../src/ssh/signature.ts";
import { WireWriter } from "../../src/ssh/wire.ts";
import { type AuthFixture, type CertificateChange, startAuth } from "../kit/auth_fixture.ts";
import { MESSAGE, publicKeyRequest, rawClient } from "../kit/raw_ssh.ts";

const ALGORITHM = `ssh-ed25519${CERTIFICATE_SUFFIX}`;
const ROLES = { [EXTENSION.roles]: '{"version":"v1","roles":["admin"]}' };
const now = () => Math.floor(Date.now() / 1000);

interface Crafted {
  kind?: number;
  keyId?: string;
  principals?: string[];
  options?: [string, string][];
  extensions?: [string, string][];
  authority?: Uint8Array;
  trailing?: Uint8Array;
}

/** A certificate that our own code would refuse to make, with a sound signature by `ca`. */
function craft(ca: PrivateKey, key: PrivateKey, change: Crafted = {}): Buffer {
  const { kind = 1, keyId = "joe", principals = ["joe"], options = [], extensions = [] } = change;
  const list = (entries: [string, string][]) => {
    const writer = new WireWriter();
    for (const [name, value] of entries) {
      writer.string(name).string(value === "" ? "" : new WireWriter().string(value).bytes());
    }
    return writer.bytes();
  };
  const names = new WireWriter();
  for (const name of principals) names.string(name);
  const signed = new WireWriter().string(ALGORITHM).string("nonce").raw(key.publicKey.blob.subarray(4 + 11))
    .uint64(1n).uint32(kind).string(keyId).string(names.bytes())
    .uint64(BigInt(now() - 60)).uint64(BigInt(now() + 3600))
    .string(list(options)).string(list(extensions)).string("")
    .string(change.authority ?? ca.publicKey.blob).bytes();
  const signature = new WireWriter().string(sign(ca, signed)).bytes();
  return new WireWriter().raw(signed).raw(signature).raw(change.trailing ?? new Uint8Array()).bytes();
}

/** Logs in with raw bytes as a certificate; true when the server lets us in. */
async function tryBlob(
  fixture: AuthFixture,
  user: string,
  blob: Uint8Array,
  signer: PrivateKey,
): Promise<boolean> {
  const client = await rawClient(await fixture.dial());
  client.send(publicKeyRequest(client, { user, algorithm: ALGORITHM, blob, signer }));
  const answer = await client.receive();
  client.close();
  assert(answer, "the server must answer");
  return answer[0] === MESSAGE.userauthSuccess;
}

/** Every refusal is refused and is in the audit log, with who, from where and why. */
async function assertRefused(
  fixture: AuthFixture,
  attempt: () => Promise<unknown>,
  why: string,
): Promise<void> {
  const before = (await fixture.events("auth")).length;
  await assertRejects(attempt, AppError, "refused the login");
  const events = await fixture.eventually("auth", before + 1);
  assertEquals(events.length, before + 1);
  const event = events.at(-1);
  assertEquals(event?.success, false);
  assertEquals(event?.["addr.remote"], "127.0.0.1");
  assertStringIncludes(String(event?.error), why);
}

async function assertBlobRefused(
  fixture: AuthFixture,
  blob: Uint8Array,
  key: PrivateKey,
  why: string,
): Promise<void> {
  await assertRefused(fixture, async () => {
    if (!await tryBlob(fixture, "joe", blob, key)) throw new AppError("unauthenticated", "refused the login");
  }, why);
}

Deno.test("a sound user certificate and a sound host certificate are let in", async () => {
  await using fixture = await startAuth();
  const joe = await fixture.connectUser("joe");
  assertEquals((await joe.api.call("cluster.get", {})).name, fixture.cluster);
  for (const role of ["auth", "proxy", "node", "admin"] as const) {
    const { api } = await fixture.connectHost(role);
    assertEquals((await api.call("cluster.get", {})).name, fixture.cluster);
  }
  const key = generateKey();
  assertEquals(await tryBlob(fixture, "joe", craft(fixture.auth.authorities.signer("user"), key), key), true);
  assertEquals(await fixture.events("auth"), []);
});

const strangeUser: Record<string, { why: string; change: (fixture: AuthFixture) => CertificateChange }> = {
  "signed by the host CA": {
    why: "not trusted for users",
    change: (fixture) => ({ ca: fixture.auth.authorities.signer("host") }),
  },
  "signed by another cluster's CA": { why: "not trusted for users", change: () => ({ ca: generateKey() }) },
  "that has expired": { why: "has expired", change: () => ({ validBefore: now() }) },
  "that is not valid yet": { why: "not valid yet", change: () => ({ validAfter: now() + 60 }) },
  "of the host kind": { why: "not trusted for hosts", change: () => ({ kind: "host" }) },
  "with an unknown critical option": {
    why: "critical option that is not understood: verify-required",
    change: () => ({ criticalOptions: { "verify-required": "" } }),
  },
  "for another source address": {
    why: "may not be used from this address",
    change: () => ({ criticalOptions: { "source-address": "10.0.0.0/8,192.0.2.1" } }),
  },
  "for a malformed source address": {
    why: "may not be used from this address",
    change: () => ({ criticalOptions: { "source-address": "10.0.0.0/" } }),
  },
  "for no source address": {
    why: "may not be used from this address",
    change: () => ({ criticalOptions: { "source-address": "" } }),
  },
  "that forces a command": {
    why: "forces a command",
    change: () => ({ criticalOptions: { "force-command": "/usr/bin/backup" } }),
  },
  "that claims a host's role": {
    why: "claims a host's role",
    change: () => ({ extensions: { ...ROLES, [EXTENSION.hostRole]: "admin" } }),
  },
  "that claims another cluster": {
    why: "claims another cluster",
    change: () => ({ extensions: { ...ROLES, [EXTENSION.cluster]: "root.example.com" } }),
  },
  "whose roles cannot be read": {
    why: "roles cannot be read",
    change: () => ({ extensions: { [EXTENSION.roles]: '{"roles":"admin"}' } }),
  },
  "whose roles are no JSON": {
    why: "roles cannot be read",
    change: () => ({ extensions: { [EXTENSION.roles]: "admin" } }),
  },
  "that names another user": { why: "login name differs", change: () => ({ keyId: "ann" }) },
  "that names two users": { why: "names no valid user", change: () => ({ keyId: "joe,root" }) },
  "that names nobody": { why: "names no valid user", change: () => ({ keyId: "" }) },
};

for (const [name, { why, change }] of Object.entries(strangeUser)) {
  Deno.test(`a user's certificate ${name} is refused and the refusal is in the audit log`, async () => {
    await using fixture = await startAuth();
    const login = fixture.userLogin("joe", change(fixture));
    await assertRefused(fixture, () => fixture.connect(login), why);
  });
}

const hostMark = (role: string, cluster = "test.example.com") => ({
  [EXTENSION.hostRole]: role,
  [EXTENSION.cluster]: cluster,
});

const strangeHost: typeof strangeUser = {
  "signed by the user CA": {
    why: "not trusted for hosts",
    change: (fixture) => ({ ca: fixture.auth.authorities.signer("user") }),
  },
  "signed by another cluster's CA": { why: "not trusted for hosts", change: () => ({ ca: generateKey() }) },
  "of the user kind": { why: "not trusted for users", change: () => ({ kind: "user" }) },
  "with a user's roles": {
    why: "claims a user's roles",
    change: () => ({ extensions: { ...ROLES, ...hostMark("node") } }),
  },
  "with a role that does not exist": {
    why: "names no role or host id",
    change: () => ({ extensions: hostMark("root") }),
  },
  "without a role": { why: "names no role or host id", change: () => ({ extensions: {} }) },
  "of another cluster": {
    why: "for another cluster",
    change: () => ({ extensions: hostMark("node", "root.example.com") }),
  },
  "without a cluster": {
    why: "for another cluster",
    change: () => ({ extensions: { [EXTENSION.hostRole]: "node" } }),
  },
  "whose id is no uuid": { why: "names no role or host id", change: () => ({ keyId: "luna" }) },
  "of another host": { why: "login name differs", change: () => ({ keyId: crypto.randomUUID() }) },
  "with a critical option, even one that users may have": {
    why: "critical option",
    change: () => ({ criticalOptions: { "force-command": "true" } }),
  },
  "that has expired": { why: "has expired", change: () => ({ validBefore: now() }) },
};

for (const [name, { why, change }] of Object.entries(strangeHost)) {
  Deno.test(`a host's certificate ${name} is refused and the refusal is in the audit log`, async () => {
    await using fixture = await startAuth();
    const login = fixture.hostLogin("node", crypto.randomUUID(), change(fixture));
    await assertRefused(fixture, () => fixture.connect(login), why);
  });
}

Deno.test("a certificate that fits the source address is let in", async () => {
  await using fixture = await startAuth();
  const criticalOptions = { "source-address": "10.0.0.0/8,127.0.0.0/8" };
  await fixture.putUser("joe");
  const { api } = await fixture.connect(fixture.userLogin("joe", { criticalOptions }));
  assertEquals((await api.call("cluster.get", {})).name, fixture.cluster);
});

Deno.test("certificates that break the format are refused and the refusals are in the audit log", async () => {
  await using fixture = await startAuth();
  const ca = fixture.auth.authorities.signer("user");
  const key = generateKey();
  const nestedCa = generateKey();
  const nested = fixture.userCertificate("joe", nestedCa);
  const cases: [Uint8Array, string][] = [
    [craft(nestedCa, key, { authority: nested.blob }), "is not supported"],
    [craft(ca, key, { kind: 0 }), "neither for a user nor a host"],
    [craft(ca, key, { kind: 3 }), "neither for a user nor a host"],
    [craft(ca, key, { principals: [] }), "names no principal"],
    [craft(ca, key, { principals: ["joe,root"] }), "unsafe principal"],
    [craft(ca, key, { principals: ["joe", ""] }), "unsafe principal"],
    [craft(ca, key, { extensions: [["b", ""], ["a", ""]] }), "not sorted"],
    [craft(ca, key, { extensions: [["a", ""], ["a", ""]] }), "not sorted"],
    [craft(ca, key, { options: [["source-address", "127.0.0.1"], ["source-address", ""]] }), "not sorted"],
    [craft(ca, key, { trailing: new Uint8Array([0]) }), "bytes after its end"],
    [new Uint8Array(), "ends too early"],
    [key.publicKey.blob, "not a certificate"],
    [new Uint8Array(70_000), "too large"],
  ];
  for (const [blob, why] of cases) {
    if (blob.length < 60_000) await assertBlobRefused(fixture, blob, key, why);
    else assertThrows(() => parseCertificate(blob), AppError, why);
  }
});

Deno.test("a certificate with a comma in its principal opens neither of the two names", async () => {
  await using fixture = await startAuth();
  const ca = fixture.auth.authorities.signer("user");
  const certificate = parseCertificate(craft(ca, generateKey(), { principals: ["a,root"] }));
  for (const login of ["a", "root", "a,root"]) {
    const options = { trust: fixture.trust, now: Date.now(), address: "127.0.0.1", login };
    assertThrows(() => identifyUser(certificate, options), AppError, "unsafe principal");
  }
});

Deno.test("principals are compared whole: no part, case or blank makes one of another", async () => {
  await using fixture = await startAuth();
  const certificate = fixture.userCertificate("joe", generateKey(), { principals: ["root2", "Admin", "*"] });
  for (const login of ["root", "root2 ", "admin", "", "joe", "root2\u0000"]) {
    const options = { trust: fixture.trust, now: Date.now(), address: "127.0.0.1", login };
    assertThrows(() => identifyUser(certificate, options), AppError, "not among");
  }
});

Deno.test("a certificate used with another key is refused and the refusal is in the audit log", async () => {
  await using fixture = await startAuth();
  const certificate = fixture.userCertificate("joe", generateKey());
  const login = fixture.login("joe", { key: generateKey(), certificate });
  await assertRefused(fixture, () => fixture.connect(login), "does not fit the certificate's key");
});

Deno.test("a plain key, even the CA's own, is refused and the refusal is in the audit log", async () => {
  await using fixture = await startAuth();
  for (const key of [generateKey(), fixture.auth.authorities.signer("user")]) {
    await assertRefused(fixture, async () => {
      const client = await rawClient(await fixture.dial());
      const { blob } = key.publicKey;
      client.send(publicKeyRequest(client, { user: "joe", algorithm: "ssh-ed25519", blob, signer: key }));
      const answer = await client.receive();
      client.close();
      if (answer?.[0] === MESSAGE.userauthFailure) throw new AppError("unauthenticated", "refused the login");
    }, "plain public key is not accepted");
  }
});

Deno.test("a certificate with any one byte changed is refused, and each refusal is in the audit log", async () => {
  await using fixture = await startAuth();
  const key = generateKey();
  const { blob } = fixture.userCertificate("joe", key);
  assertEquals(await tryBlob(fixture, "joe", blob, key), true);
  const perConnection = 6;
  for (let start = 0; start < blob.length; start += perConnection) {
    const client = await rawClient(await fixture.dial());
    for (let at = start; at < Math.min(start + perConnection, blob.length); at++) {
      const changed = Uint8Array.from(blob);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      client.send(
        publicKeyRequest(client, { user: "joe", algorithm: ALGORITHM, blob: changed, signer: key }),
      );
      assertEquals((await client.receive())?.[0], MESSAGE.userauthFailure, `byte ${at}`);
    }
    client.close();
  }
  const events = await fixture.events("auth");
  assertEquals(events.length, blob.length);
  assertEquals(events.every((event) => event.success === false && event.user === "joe"), true);
});

Deno.test("a login name cannot write into the audit log", async () => {
  await using fixture = await startAuth();
  const key = generateKey();
  const name = 'joe","success":true}\n\u001b[2J\u009b';
  assertEquals(await tryBlob(fixture, name, fixture.userCertificate("joe", key).blob, key), false);
  const [event] = await fixture.eventually("auth");
  assertEquals(event?.success, false);
  assertEquals(event?.user, "joe???success??true????2J?");
  const path = fixture.files.paths.find((candidate) => candidate.endsWith(".log")) ?? "";
  // deno-lint-ignore no-control-regex
  assertEquals(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(fixture.files.text(path)), false);
});

Deno.test("what a restricted certificate forbids stays forbidden in the identity", async () => {
  await using fixture = await startAuth();
  const identify = (certificate: Certificate) =>
    identifyUser(certificate, { trust: fixture.trust, now: Date.now(), address: "127.0.0.1" });
  const bare = identify(fixture.userCertificate("joe", generateKey(), { extensions: {} }));
  assertEquals([...bare.permits], []);
  assertEquals(bare.roles, undefined);
  const forced = identify(
    fixture.userCertificate("joe", generateKey(), {
      criticalOptions: { "force-command": "/usr/bin/backup" },
      extensions: { "permit-pty": "", "permit-everything": "" },
    }),
  );
  assertEquals(forced.forceCommand, "/usr/bin/backup");
  assertEquals([...forced.permits], ["pty"]);
});

Deno.test("a server is the auth server only with that role, this cluster and the name asked for", async () => {
  await using fixture = await startAuth();
  const { trust } = fixture;
  const node = fixture.hostCertificate("node", crypto.randomUUID(), generateKey());
  assertThrows(
    () => identifyHost(node, { trust, now: Date.now(), roles: ["auth"] }),
    AppError,
    "is a node, not a auth",
  );
  assertThrows(() => identifyHost(node, { trust, now: Date.now(), name: "luna" }), AppError, "not among");
  const user = fixture.userCertificate("joe", generateKey());
  assertThrows(() => identifyHost(user, { trust, now: Date.now() }), AppError, "not trusted for hosts");
});
