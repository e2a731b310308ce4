/**
 * Certificates of servers for tests, each signed by itself.
 * @module
 */
import { systemClock } from "../../src/base/clock.ts";
import { selfSigned } from "../../src/proxy/web/self_signed.ts";

/** A key and a certificate, PEM. */
export async function pairFor(name: string): Promise<{ key: string; cert: string }> {
  const { key, cert } = await selfSigned([name], systemClock);
  return { key, cert };
}
