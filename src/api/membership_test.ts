import { Buffer } from "node:buffer";
import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { type AuthFixture, startAuth } from "../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../tests/kit/clock.ts";
import { eventually } from "../../tests/kit/run.ts";
import { AppError } from "../base/errors.ts";
import { DAY, MINUTE } from "../base/duration.ts";
import { Secret } from "../base/secret.ts";
import { HOST_CERTIFICATE } from "../model/limits.ts";
import type { HostCredentials } from "./host_identity.ts";
import { Membership, type MembershipOptions } from "./membership.ts";

const TOKEN = "a-join-token-of-this-test";

function membership(fixture: AuthFixture, change: Partial<MembershipOptions> = {}) {
  const renewals: HostCredentials[] = [];
  const reports: string[] = [];
  const file: { text?: string } = {};
  const options: MembershipOptions = {
    role: "node",
    hostId: crypto.randomUUID(),
    name: "luna",
    publicNames: [],
    token: new Secret(TOKEN),
    caPins: [],
    identityFile: {
      read: () => Promise.resolve(file.text),
      write: (text) => Promise.resolve(void (file.text = text)),
    },
    dialAuth: () => fixture.dial(),
    clock: fixture.clock,
    announcement: () => ({ address: "127.0.0.1:3022", labels: {} }),
    onRenewed: (credentials) => void renewals.push(credentials),
    report: (_level, text) => void reports.push(text),
    ...change,
  };
  return { options, renewals, reports, file };
}

function fixtureWith(clock: FakeClock): Promise<AuthFixture> {
  return startAuth({ clock, settings: { staticTokens: [{ token: TOKEN, roles: ["node"] }] } });
}

Deno.test("a host renews its certificate long before it ends, with the same key and names", async () => {
  const clock = new FakeClock();
  await using fixture = await fixtureWith(clock);
  const { options, renewals, file } = membership(fixture);
  const member = await Membership.start(options);
  await eventually("the connection", () => member.auth.connected || undefined);
  const first = member.credentials.certificate;
  assertEquals(first.validBefore * 1000, clock.now() + HOST_CERTIFICATE.ttl);

  await clock.advance(HOST_CERTIFICATE.renewAfter - MINUTE);
  assertEquals(renewals.length, 0);
  await eventually("the renewal", async () => {
    await clock.advance(MINUTE);
    return renewals.length > 0 || undefined;
  });
  const { certificate, key } = member.credentials;
  assertGreater(certificate.validBefore, first.validBefore);
  assert(key.publicKey.equals(first.key));
  assertEquals(certificate.principals, first.principals);
  assertStringIncludes(file.text ?? "", Buffer.from(certificate.blob).toString("base64"));
  await eventually("a connection with it", () => member.auth.connected || undefined);
  member.stop();
});

Deno.test("a host that slept through a rotation comes back with a new join token, else it is told what to do", async () => {
  const clock = new FakeClock();
  await using fixture = await fixtureWith(clock);
  const { options, reports, file } = membership(fixture);
  const before = await Membership.start(options);
  const { key } = before.credentials;
  before.stop();
  await fixture.auth.rotator.rotate(
    { kinds: ["host"], mode: "auto", graceMs: 0 },
    { name: "admin", address: "127.0.0.1" },
  );
  await fixture.presentOwnCertificate();

  // The token that it joined with may be known to many: with it alone it trusts no other authority.
  for (const token of [undefined, new Secret(TOKEN)]) {
    reports.length = 0;
    const lost = await Membership.start({ ...options, token });
    await eventually(
      "the advice",
      () => reports.some((text) => text.includes('"tctl nodes add"')) || undefined,
    );
    assertEquals(lost.auth.connected, false);
    lost.stop();
  }

  const fresh = await fixture.auth.tokens.create(["node"], MINUTE, "another-join-token");
  const back = await Membership.start({ ...options, token: new Secret(fresh.token) });
  await eventually("the host to be back", async () => {
    await clock.advance(1000);
    return back.auth.connected || undefined;
  });
  assert(back.credentials.key.publicKey.equals(key.publicKey));
  assertEquals(back.credentials.hostId, before.credentials.hostId);
  assertStringIncludes(file.text ?? "", Buffer.from(back.credentials.certificate.blob).toString("base64"));
  back.stop();
});

Deno.test("a certificate of another key than the host's is refused", async () => {
  const clock = new FakeClock();
  await using fixture = await fixtureWith(clock);
  const { options } = membership(fixture);
  const member = await Membership.start(options);
  await eventually("the connection", () => member.auth.connected || undefined);
  const stranger = (await fixture.connectHost("node")).api;
  const publicKey = member.credentials.key.publicKey.toLine();
  const refused = await stranger.call("hosts.renew", { publicKey }).then(() => "", (error) => error.message);
  assertStringIncludes(refused, "is not known with this key");
  await clock.advance(DAY);
  member.stop();
});

Deno.test("a host that was given another name does not wait for auth to have it", async () => {
  const clock = new FakeClock();
  await using fixture = await fixtureWith(clock);
  const { options, reports } = membership(fixture);
  (await Membership.start(options)).stop();
  const dialAuth = () => Promise.reject(new AppError("unavailable", "nobody is there"));
  const member = await Membership.start({ ...options, name: "sol", dialAuth });
  assertStringIncludes(reports.join("\n"), "clients will refuse this host as sol");
  assertEquals(member.credentials.certificate.principals.includes("luna"), true);
  member.stop();
});

Deno.test("with the token it joined with, a host that has a new name believes no other authority", async () => {
  const clock = new FakeClock();
  await using fixture = await fixtureWith(clock);
  await using standIn = await fixtureWith(clock); // it knows the token, too
  const { options, reports, file } = membership(fixture);
  (await Membership.start(options)).stop();
  const before = file.text;
  const member = await Membership.start({ ...options, name: "sol", dialAuth: () => standIn.dial() });
  assertStringIncludes(reports.join("\n"), "is not of the cluster that this host has joined");
  assertEquals(file.text, before);
  member.stop();
});
