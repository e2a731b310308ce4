import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { openAuth } from "../../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { HOUR, MINUTE } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { CERTIFICATE_TTL } from "../../model/limits.ts";
import type { User } from "../../model/user.ts";
import { checkCertificate } from "../../ssh/certificate.ts";
import { generateKey } from "../../ssh/private_key.ts";
import { type Draft, validate } from "./rules.ts";

const KEY = generateKey().publicKey.toLine();
const user = (change: Partial<User> = {}): User => ({
  name: "joe",
  roles: ["admin"],
  traits: { logins: ["joe", "root"] },
  created: 0,
  createdBy: "test",
  ...change,
});

async function open() {
  const clock = new FakeClock();
  const { auth } = await openAuth({ clock });
  return { clock, auth, issuer: auth.issuer, seconds: clock.now() / 1000 };
}

Deno.test("without the roles, which OpenSSH 7.1 stumbles over, when that is wished", async () => {
  const { issuer } = await open();
  const extensions = async (
    certFormat: "standard" | "oldssh",
  ) => [...(await issuer.forUser(user(), KEY, { certFormat })).extensions.keys()];
  const permits = [
    "permit-X11-forwarding",
    "permit-agent-forwarding",
    "permit-port-forwarding",
    "permit-pty",
  ];
  assertEquals(await extensions("oldssh"), permits);
  assertEquals(await extensions("standard"), [...permits, "teleport-roles"]);
  const robot = await issuer.forRobot(user(), KEY, "ann", { certFormat: "oldssh" });
  assertEquals([...robot.extensions.keys()], permits);
});

Deno.test("a user's certificate names the logins, roles and rights of the user's record, for a day", async () => {
  const { auth, issuer, seconds } = await open();
  const certificate = await issuer.forUser(user(), KEY);
  assertEquals(certificate.kind, "user");
  assertEquals(certificate.keyId, "joe");
  assertEquals(certificate.principals, ["joe", "root"]);
  assertEquals(certificate.validAfter, seconds - 60);
  assertEquals(certificate.validBefore, seconds + 23 * 3600);
  assertEquals([...certificate.extensions], [
    ["permit-X11-forwarding", ""],
    ["permit-agent-forwarding", ""],
    ["permit-port-forwarding", ""],
    ["permit-pty", ""],
    ["teleport-roles", '{"version":"v1","roles":["admin"]}'],
  ]);
  assertEquals([...certificate.criticalOptions], []);
  const authorities = auth.authorities.trusted("user");
  assertEquals(checkCertificate(certificate, { kind: "user", authorities, now: seconds }), undefined);
});

Deno.test("a user's certificate lasts as long as wished, between one minute and thirty hours", async () => {
  const { issuer, seconds } = await open();
  const validBefore = async (ttl: number) =>
    (await issuer.forUser(user(), KEY, { ttl })).validBefore - seconds;
  assertEquals(await validBefore(MINUTE), 60);
  assertEquals(await validBefore(30 * HOUR), 30 * 3600);
  assertEquals(await validBefore(1000 * HOUR), 30 * 3600);
  assertEquals(await validBefore(Number.MAX_SAFE_INTEGER), 30 * 3600);
  for (const ttl of [0, -1, MINUTE - 1, NaN]) {
    await assertRejects(() => issuer.forUser(user(), KEY, { ttl }), AppError, "lifetime");
  }
});

Deno.test("no wish for a lifetime yields a certificate outside the limits", async () => {
  const { clock, issuer } = await open();
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.double(), fc.integer()), async (ttl) => {
      const certificate = await issuer.forUser(user(), KEY, { ttl }).catch((error) => {
        if (error instanceof AppError) return undefined;
        throw error;
      });
      if (!certificate) return true;
      const lifetime = certificate.validBefore * 1000 - clock.now();
      return lifetime > CERTIFICATE_TTL.min - 1000 && lifetime <= CERTIFICATE_TTL.max;
    }),
    { numRuns: 200 },
  );
});

Deno.test("a user without a login gets no certificate", async () => {
  const { issuer } = await open();
  await assertRejects(
    () => issuer.forUser(user({ traits: { logins: [] } }), KEY),
    AppError,
    "no login is allowed",
  );
});

Deno.test("an unsafe principal is never signed", async () => {
  const { issuer } = await open();
  for (const bad of ["a,root", "a root", "a\nroot", "a\u0000", "", "\u009b31m", "\u2028", "x".repeat(256)]) {
    const certificate = await issuer.forUser(user({ traits: { logins: ["joe", bad] } }), KEY);
    assertEquals(certificate.principals, ["joe"], JSON.stringify(bad));
    const host = { hostId: crypto.randomUUID(), role: "node" as const, names: [bad] };
    await assertRejects(() => issuer.forHost(host, KEY), AppError, "principal");
  }
});

Deno.test("a CA's own key is never certified, by neither authority", async () => {
  const { auth, issuer } = await open();
  for (const kind of ["user", "host"] as const) {
    const line = auth.authorities.signer(kind).publicKey.toLine();
    await assertRejects(() => issuer.forUser(user(), line), AppError, "certificate authority's");
    const host = { hostId: crypto.randomUUID(), role: "node" as const, names: ["luna"] };
    await assertRejects(() => issuer.forHost(host, `${line} comment`), AppError, "certificate authority's");
  }
});

Deno.test("what is no public key gets no certificate", async () => {
  const { issuer } = await open();
  const certificate = await issuer.forUser(user(), KEY);
  const nested = `${certificate.type} ${certificate.blob.toString("base64")}`;
  for (
    const line of [
      "",
      "ssh-ed25519",
      "ssh-ed25519 AAAA",
      `ssh-rsa ${KEY.split(" ")[1]}`,
      nested,
      `${KEY}\n${KEY}`,
    ]
  ) {
    await assertRejects(() => issuer.forUser(user(), line), AppError);
  }
});

Deno.test("a host's certificate is of the host CA, names its role and cluster, and carries no user right", async () => {
  const { auth, issuer, seconds } = await open();
  const hostId = crypto.randomUUID();
  const certificate = await issuer.forHost({ hostId, role: "node", names: [hostId, "luna", "luna"] }, KEY);
  assertEquals(certificate.kind, "host");
  assertEquals(certificate.keyId, hostId);
  assertEquals(certificate.principals, [hostId, "luna"]);
  assertEquals([...certificate.extensions], [
    ["x-teleport-authority", "test.example.com"],
    ["x-teleport-role", "node"],
  ]);
  const check = (kind: "user" | "host") =>
    checkCertificate(certificate, {
      kind: "host",
      authorities: auth.authorities.trusted(kind),
      now: seconds,
    });
  assertEquals(check("host"), undefined);
  assertEquals(check("user"), "the certificate is signed by an authority that is not trusted for hosts");
});

Deno.test("every issued certificate is in the audit log with its serial", async () => {
  const { auth, issuer } = await open();
  const certificate = await issuer.forUser(user(), KEY);
  const host = await issuer.forHost({ hostId: crypto.randomUUID(), role: "proxy", names: ["p"] }, KEY);
  const events = await auth.audit.search({ events: ["cert.create"] });
  assertEquals(events.map((event) => [event["cert.kind"], event.serial]), [
    ["user", certificate.serial.toString()],
    ["host", host.serial.toString()],
  ]);
});

Deno.test("the rules refuse a draft that names nobody or gives a user a host's role", () => {
  const draft: Draft = {
    kind: "user",
    publicKey: KEY,
    keyId: "joe",
    principals: ["joe"],
    extensions: {},
    validBefore: HOUR,
  };
  const context = { now: 0, authorities: { isAuthorityKey: () => false } };
  validate(draft, context);
  assertThrows(() => validate({ ...draft, keyId: "" }, context), AppError, "names nobody");
  const extensions = { "x-teleport-role": "admin" };
  assertThrows(() => validate({ ...draft, extensions }, context), AppError, "host's role");
  assertThrows(() => validate({ ...draft, validBefore: Infinity }, context), AppError, "lifetime");
});
