import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AppError } from "../base/errors.ts";
import { selfSigned } from "../proxy/web/self_signed.ts";
import { systemClock } from "../base/clock.ts";
import { aboutLicense, parseLicense } from "./license.ts";

Deno.test("a license is an X.509 certificate and its key in one PEM; a broken one is refused with the reason", async () => {
  const { key, cert } = await selfSigned(["license.example.com"], systemClock);
  const other = await selfSigned(["license.example.com"], systemClock);
  for (const pem of [cert + key, key + "\nsome words\n" + cert]) {
    const { subject, expires } = await parseLicense(pem);
    assertStringIncludes(subject, "license.example.com");
    assertEquals(expires > Date.now(), true);
  }
  const broken: [string, string][] = [
    ["", "no certificate"],
    [key, "no certificate"],
    [cert, "no private key"],
    [cert + other.key, "not the certificate's"],
    [cert.replace(/\n[A-Za-z0-9+/]{20}/, "\n!!!!") + key, "cannot be read"],
  ];
  for (const [pem, why] of broken) await assertRejects(() => parseLicense(pem), AppError, why);
});

Deno.test("an expired or broken license is a warning, a missing one is nothing", async () => {
  const path = await Deno.makeTempFile();
  const { key, cert } = await selfSigned(["license.example.com"], systemClock);
  await Deno.writeTextFile(path, cert + key);
  assertEquals((await aboutLicense(path, Date.now()))?.level, "info");
  const expired = await aboutLicense(path, Date.parse("2100-01-01"));
  assertEquals(expired?.level, "warn");
  assertStringIncludes(expired?.text ?? "", "has expired on 20");
  await Deno.writeTextFile(path, "nonsense");
  assertStringIncludes((await aboutLicense(path, 0))?.text ?? "", "it holds no certificate");
  await Deno.remove(path);
  assertEquals(await aboutLicense(path, 0), undefined);
});
