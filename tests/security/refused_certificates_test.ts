import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EXTENSION } from "../../src/model/authority.ts";
import { type Certificate, formatCertificateLine, issueCertificate } from "../../src/ssh/certificate.ts";
import { formatPrivateKey, generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { sign } from "../../src/ssh/signature.ts";
import { WireWriter } from "../../src/ssh/wire.ts";
import { authorityKeys, dial, putUsers } from "../kit/admin.ts";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { authRequest, MESSAGE, publicKeyRequest, rawClient } from "../kit/raw_ssh.ts";
import { run } from "../kit/run.ts";

let directory: string;
let cluster: Daemon;
/** The cluster's own CAs, taken out of its store while it did not run. */
let authorities: Record<"user" | "host", PrivateKey>;
const strangerCa = generateKey();

Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "teleport-refused-" });
  await (await Daemon.start({ directory })).stop();
  authorities = await authorityKeys(`${directory}/data`);
  cluster = await Daemon.start({ directory });
  await putUsers(cluster, { name: "joe", logins: [LOGIN] }, { name: "forced", logins: [LOGIN] });
});

Deno.test.afterAll(async () => {
  await cluster.stop();
  await Deno.remove(directory, { recursive: true });
});

const HOUR = 3600;
const now = () => Math.floor(Date.now() / 1000);

function certificateOf(
  user: string,
  key: PrivateKey,
  change: Partial<Parameters<typeof issueCertificate>[1]> & { ca?: PrivateKey } = {},
): Certificate {
  const { ca = authorities.user, ...template } = change;
  return issueCertificate(ca, {
    kind: "user",
    key: key.publicKey,
    keyId: user,
    principals: [LOGIN],
    validAfter: now() - HOUR,
    validBefore: now() + HOUR,
    extensions: {
      "permit-pty": "",
      [EXTENSION.roles]: JSON.stringify({ version: "v1", roles: ["admin"] }),
    },
    ...template,
  });
}

/** A certificate whose authority is itself a certificate, signed by the key of the inner one. */
function nestedCertificate(user: string, key: PrivateKey): Uint8Array {
  const middle = generateKey();
  const inner = certificateOf(user, middle);
  const outer = certificateOf(user, key, { ca: middle });
  const body = outer.signed.subarray(0, -(4 + middle.publicKey.blob.length));
  const signed = new WireWriter().raw(body).string(inner.blob).bytes();
  return new WireWriter().raw(signed).string(sign(middle, signed)).bytes();
}

const SERVERS = ["proxySsh", "node"] as const;
type Server = (typeof SERVERS)[number];

/** Sends one authentication request. @returns the number of the server's answer */
async function answerTo(
  server: Server,
  message: (client: Awaited<ReturnType<typeof rawClient>>) => Uint8Array,
) {
  const address = (await cluster.addresses())[server];
  const client = await rawClient(await dial(address?.port ?? 0));
  try {
    client.send(message(client));
    return (await client.receive())?.[0];
  } finally {
    client.close();
  }
}

async function offer(server: Server, login: string, blob: Uint8Array, type: string, signer: PrivateKey) {
  return await answerTo(
    server,
    (client) => publicKeyRequest(client, { user: login, algorithm: type, blob, signer }),
  );
}

let tries = 0;
/** A user's name that no other try of this file has. */
const newName = () => `mallory-${++tries}`;

/** Asserts that both servers refuse a certificate, and that each says so in the audit log. */
async function assertRefused(
  make: (user: string, key: PrivateKey) => { blob: Uint8Array; login?: string; signer?: PrivateKey },
  reason: RegExp,
  userKnown = true,
): Promise<void> {
  for (const server of SERVERS) {
    const user = newName();
    const key = generateKey();
    const { blob, login = LOGIN, signer = key } = make(user, key);
    const answer = await offer(server, login, blob, "ssh-ed25519-cert-v01@openssh.com", signer);
    assertEquals(answer, MESSAGE.userauthFailure, `the ${server} refuses`);
    const event = await cluster.event(
      "auth",
      (event) => event.success === false && (userKnown ? event.user === user : event.login === login),
    );
    assertMatch(String(event.error), reason, server);
    if (login === LOGIN) assertEquals(event.login, LOGIN);
    assertStringIncludes(String(event["addr.remote"]), "127.0.0.1");
  }
}

Deno.test("a genuine certificate opens proxy and node, so that the refusals below mean something", async () => {
  for (const server of SERVERS) {
    const key = generateKey();
    const certificate = certificateOf("joe", key);
    assertEquals(
      await offer(server, LOGIN, certificate.blob, certificate.type, key),
      MESSAGE.userauthSuccess,
    );
  }
});

Deno.test("a user's certificate signed by the host CA is refused at proxy and node", async () => {
  await assertRefused(
    (user, key) => ({ blob: certificateOf(user, key, { ca: authorities.host }).blob }),
    /authority|not trusted|CA/i,
  );
});

Deno.test("a host's certificate does not open proxy and node as a user", async () => {
  await assertRefused(
    (user, key) => ({ blob: certificateOf(user, key, { ca: authorities.host, kind: "host" }).blob }),
    /host|kind|user/,
  );
});

Deno.test("an expired certificate is refused at proxy and node", async () => {
  await assertRefused(
    (user, key) => ({
      blob: certificateOf(user, key, { validAfter: now() - HOUR, validBefore: now() - 1 }).blob,
    }),
    /expired/,
  );
});

Deno.test("a certificate that is not valid yet is refused at proxy and node", async () => {
  await assertRefused(
    (user, key) => ({ blob: certificateOf(user, key, { validAfter: now() + 600 }).blob }),
    /not valid (?:yet|before)|not yet/,
  );
});

Deno.test("a certificate for another login is refused at proxy and node", async () => {
  await assertRefused(
    (user, key) => ({ blob: certificateOf(user, key, { principals: ["someone-else"] }).blob }),
    /principal|login|not for/,
  );
});

Deno.test("a certificate of another cluster's CA is refused at proxy and node", async () => {
  await assertRefused(
    (user, key) => ({ blob: certificateOf(user, key, { ca: strangerCa }).blob }),
    /authority|not trusted|CA/i,
  );
});

Deno.test("a certificate whose signature was spoiled is refused at proxy and node", async () => {
  await assertRefused((user, key) => {
    const blob = Uint8Array.from(certificateOf(user, key).blob);
    blob[blob.length - 1] = (blob.at(-1) ?? 0) ^ 1;
    return { blob };
  }, /signature/);
});

Deno.test("somebody else's certificate without its key is refused at proxy and node", async () => {
  await assertRefused(
    (user, key) => ({
      blob: certificateOf(user, key, { principals: [user] }).blob,
      login: user,
      signer: generateKey(),
    }),
    /signature does not fit/,
    false,
  );
});

Deno.test("a certificate whose authority is itself a certificate is refused at proxy and node", async () => {
  await assertRefused(
    (user, key) => ({ blob: nestedCertificate(user, key), login: user }),
    /not supported/,
    false,
  );
});

Deno.test("a certificate with an unknown critical option is refused at proxy and node", async () => {
  await assertRefused(
    (user, key) => ({ blob: certificateOf(user, key, { criticalOptions: { "verify-required": "" } }).blob }),
    /verify-required|critical option/,
  );
});

Deno.test("a certificate bound to another address is refused at proxy and node", async () => {
  await assertRefused(
    (user, key) => ({
      blob: certificateOf(user, key, { criticalOptions: { "source-address": "192.0.2.0/24" } }).blob,
    }),
    /address/,
  );
});

Deno.test("a plain key and a password are refused at proxy and node, and leave an event", async () => {
  for (const server of SERVERS) {
    const [keyLogin, passwordLogin] = [newName(), newName()];
    const key = generateKey();
    assertEquals(
      await offer(server, keyLogin, key.publicKey.blob, "ssh-ed25519", key),
      MESSAGE.userauthFailure,
    );
    const fields = new WireWriter().boolean(false).string("hunter2 hunter2").bytes();
    const password = await answerTo(server, () => authRequest(passwordLogin, "password", fields));
    assertEquals(password, MESSAGE.userauthFailure);
    for (const [login, error] of [[keyLogin, /plain public key/], [passwordLogin, /password/]] as const) {
      const event = await cluster.event("auth", (event) => event.login === login);
      assertEquals(event.success, false);
      assertMatch(String(event.error), error);
    }
  }
  assertEquals(JSON.stringify(await cluster.events()).includes("hunter2"), false);
});

Deno.test("stock ssh with a plain key, an expired or a foreign certificate gets nowhere", async () => {
  const folder = `${directory}/stock`;
  await Deno.mkdir(folder);
  const key = generateKey();
  const users = { plain: newName(), expired: newName(), foreign: newName() };
  await Deno.writeTextFile(`${folder}/plain`, formatPrivateKey(key), { mode: 0o600 });
  const certificates = {
    expired: certificateOf(users.expired, key, { validAfter: now() - HOUR, validBefore: now() - 1 }),
    foreign: certificateOf(users.foreign, key, { ca: strangerCa }),
  };
  for (const [name, certificate] of Object.entries(certificates)) {
    await Deno.writeTextFile(`${folder}/${name}`, formatPrivateKey(key), { mode: 0o600 });
    await Deno.writeTextFile(`${folder}/${name}-cert.pub`, `${formatCertificateLine(certificate)}\n`);
  }
  for (const server of SERVERS) {
    const { port } = (await cluster.addresses())[server] ?? { port: 0 };
    for (const name of Object.keys(users)) {
      const { code, stderr } = await run("ssh", [
        ...["-F", "none", "-i", `${folder}/${name}`, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
        ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-p", String(port)],
        ...[`${LOGIN}@127.0.0.1`, "-s", "proxy:alpha:0"],
      ]);
      assertEquals(code, 255, `${server} ${name}`);
      assertStringIncludes(stderr, "Permission denied (publickey)");
    }
  }
  for (const user of [users.expired, users.foreign]) {
    await cluster.event("auth", (event) => event.user === user);
  }
});

Deno.test("a certificate that forces a command runs that command whatever is asked for, and opens nothing else", async () => {
  const key = generateKey();
  const certificate = certificateOf("forced", key, {
    criticalOptions: { "force-command": 'echo "forced: $SSH_ORIGINAL_COMMAND"' },
    extensions: { "permit-pty": "", "permit-port-forwarding": "" },
  });
  const file = `${directory}/forced`;
  await Deno.writeTextFile(file, formatPrivateKey(key), { mode: 0o600 });
  await Deno.writeTextFile(`${file}-cert.pub`, `${formatCertificateLine(certificate)}\n`);
  const { node, auth } = await cluster.addresses();
  const ssh = (args: string[], command: string[] = [], port = node?.port) =>
    run("ssh", [
      ...["-F", "none", "-i", file, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-p", `${port}`],
      ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", ...args],
      ...[port === auth?.port ? "forced@127.0.0.1" : `${LOGIN}@127.0.0.1`, ...command],
    ]);
  assertEquals((await ssh([], ["id"])).stdout, "forced: id\n");
  assertEquals((await ssh(["-T"])).stdout, "forced: \n");
  assertEquals((await ssh(["-tt"], ["id"])).stdout, "forced: id\r\n");
  assertMatch((await ssh(["-s"], ["sftp"])).stdout, /^forced: /);
  assertEquals((await ssh(["-s"], ["proxy:alpha:0"])).stdout, "");
  assertEquals((await ssh(["-o", "SendEnv=SSH_ORIGINAL_COMMAND"], ["id"])).stdout, "forced: id\n");
  const forward = await ssh(["-W", `127.0.0.1:${node?.port}`]);
  assertEquals([forward.code, forward.stdout], [255, ""]);
  assertMatch(forward.stderr, /administratively prohibited|not permitted/);
  const api = await ssh(["-s"], ["auth-api"], auth?.port);
  assertEquals(api.code, 255);
  assertStringIncludes(api.stderr, "Permission denied");
});
