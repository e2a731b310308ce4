import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { type Clock, systemClock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import { selfSigned } from "./self_signed.ts";

const DAY = 86_400_000;

Deno.test("selfSigned makes an end-entity certificate for names and addresses", async () => {
  const now = Date.UTC(2030, 0, 2);
  const clock: Clock = { now: () => now, after: systemClock.after };
  const { key, cert } = await selfSigned(["proxy.example.com", "*.example.com", "127.0.0.1", "::1"], clock);
  const read = new X509Certificate(cert);
  assertMatch(key, /^-----BEGIN PRIVATE KEY-----/);
  assertEquals(read.ca, false);
  assertEquals(read.checkHost("proxy.example.com"), "proxy.example.com");
  assertEquals(read.checkHost("other.test"), undefined);
  assertEquals(read.checkIP("127.0.0.1"), "127.0.0.1");
  const [from, to] = [Date.parse(read.validFrom), Date.parse(read.validTo)];
  assertEquals(to - from, 825 * DAY);
  assertEquals(from < now && now - from <= DAY, true);
});

Deno.test("selfSigned makes another key and serial each time", async () => {
  const [a, b] = [await selfSigned(["a"], systemClock), await selfSigned(["a"], systemClock)];
  assertEquals(a.key === b.key, false);
  assertEquals(new X509Certificate(a.cert).serialNumber === new X509Certificate(b.cert).serialNumber, false);
});

Deno.test("selfSigned refuses what is neither name nor address", async () => {
  for (const names of [[], [""], ["a b"], ["a,b"], ["a\nb"], ["-a"], ["a..b"], ["x".repeat(64)]]) {
    await assertRejects(() => selfSigned(names, systemClock), AppError);
  }
});

Deno.test({
  name: "selfSigned: openssl verifies the certificate",
  ignore: !hasOpenssl(),
  async fn() {
    const { cert } = await selfSigned(["localhost", "127.0.0.1"], systemClock);
    const file = await Deno.makeTempFile({ suffix: ".pem" });
    try {
      await Deno.writeTextFile(file, cert);
      const verified = await openssl(
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-CAfile",
        file,
        file,
      );
      assertStringIncludes(verified, "OK");
      const text = await openssl("x509", "-in", file, "-noout", "-text");
      assertStringIncludes(text, "CA:FALSE");
      assertStringIncludes(text, "DNS:localhost, IP Address:127.0.0.1");
      assertStringIncludes(text, "ecdsa-with-SHA256");
      assertStringIncludes(text, "TLS Web Server Authentication");
    } finally {
      await Deno.remove(file);
    }
  },
});

async function openssl(...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("openssl", { args }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
