import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../../../tests/kit/clock.ts";
import type { Caller } from "../../api/client.ts";
import type { HostCredentials } from "../../api/host_identity.ts";
import { AppError } from "../../base/errors.ts";
import { toSeconds } from "../../base/clock.ts";
import { TARGET_CERTIFICATE } from "../../model/limits.ts";
import { formatCertificateLine, issueCertificate } from "../../ssh/certificate.ts";
import { generateKey } from "../../ssh/private_key.ts";
import type { Target } from "../route.ts";
import { TargetCertificates } from "./target_certificates.ts";

const ID = "5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10";
const target = (host: string): Target => ({
  host,
  address: `${host}:22`,
  open: () => Promise.reject(new Error("nobody connects")),
});

function setting() {
  const clock = new FakeClock();
  const [ca, key] = [generateKey(), generateKey()];
  const issue = (principals: string[]) =>
    issueCertificate(ca, {
      kind: "host",
      key: key.publicKey,
      keyId: ID,
      principals,
      validAfter: 0,
      validBefore: toSeconds(clock.now() + TARGET_CERTIFICATE.ttl),
    });
  const asked: string[][] = [];
  const state = { away: false, own: issue([ID]) };
  const call = (_: string, { names }: { names: string[] }) => {
    asked.push(names);
    return state.away
      ? Promise.reject(new AppError("unavailable", "no auth server answers"))
      : Promise.resolve({ certificate: formatCertificateLine(issue(names)) });
  };
  const credentials = (): HostCredentials => ({
    cluster: "main",
    hostId: ID,
    key,
    certificate: state.own,
    authorities: [],
  });
  const api = { call } as unknown as Caller;
  return { clock, asked, state, issue, certificates: new TargetCertificates({ api, credentials, clock }) };
}

Deno.test("a host's certificate is asked for once, and anew after half of its life", async () => {
  const { clock, asked, certificates } = setting();
  const first = await certificates.for(target("Sshd.example.com"));
  assertEquals(first.certificate.principals, ["Sshd.example.com", "sshd.example.com"]);
  assertEquals(await certificates.for(target("Sshd.example.com")), first);
  assertEquals(asked.length, 1);
  await clock.advance(TARGET_CERTIFICATE.ttl / 2 + 1000);
  assert(await certificates.for(target("Sshd.example.com")) !== first);
  assertEquals(asked.length, 2);
});

Deno.test("while no auth server answers the old certificate will do, as long as it lives", async () => {
  const { clock, state, certificates } = setting();
  const first = await certificates.for(target("sshd"));
  state.away = true;
  await assertRejects(() => certificates.for(target("another")), AppError, "no auth server answers");
  await clock.advance(TARGET_CERTIFICATE.ttl * 0.7);
  assertEquals(await certificates.for(target("sshd")), first);
  await clock.advance(TARGET_CERTIFICATE.ttl * 0.4);
  await assertRejects(() => certificates.for(target("sshd")), AppError, "no auth server answers");
  state.away = false;
  assert(await certificates.for(target("sshd")) !== first);
});

Deno.test("when the proxy has another certificate of its own, hosts' certificates are asked for anew", async () => {
  const { asked, state, issue, certificates } = setting();
  await certificates.for(target("sshd"));
  state.own = issue([ID]);
  await certificates.for(target("sshd"));
  assertEquals(asked.length, 2);
});

Deno.test("a name that no certificate can carry is refused before anybody is asked", () => {
  const { asked, certificates } = setting();
  for (const bad of ["a,b", "a b", "a\u001b[0m", "-x", "*", "ü"]) {
    let refused: unknown;
    try {
      void certificates.for(target(bad));
    } catch (error) {
      refused = error;
    }
    assert(refused instanceof AppError && refused.code === "bad_input", bad);
  }
  assertEquals(asked, []);
});
