import { assertEquals, assertThrows } from "@std/assert";
import { DAY } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { generateKey } from "../ssh/private_key.ts";
import { parsePublicKeyLine } from "../ssh/public_key.ts";
import { openStatement, signStatement, statedCluster } from "./cluster_statement.ts";

const NOW = Date.UTC(2026, 0, 15);
const [old, fresh, user] = [generateKey(), generateKey(), generateKey()];
const lines = (...keys: typeof old[]) => keys.map(({ publicKey }) => publicKey.toLine());
const keys = { cluster: "main", user: lines(user), host: lines(fresh, old) };

Deno.test("a statement is believed by whoever trusts one of the keys that signed it", () => {
  const bytes = signStatement(keys, NOW, [old, fresh]);
  for (const trusted of [old, fresh]) {
    const opened = openStatement(bytes, { trusted: [trusted.publicKey], now: NOW });
    assertEquals(opened, { ...keys, issued: NOW });
  }
  assertEquals(statedCluster(bytes), "main");
  assertThrows(
    () => openStatement(bytes, { trusted: [user.publicKey], now: NOW }),
    AppError,
    "no host CA that is",
  );
  assertThrows(() => openStatement(bytes, { trusted: [], now: NOW }), AppError, "no host CA that is");
});

Deno.test("without known keys a statement only proves that its maker holds one of those that it names", () => {
  assertEquals(openStatement(signStatement(keys, NOW, [fresh]), { now: NOW }).host, keys.host);
  assertThrows(() => openStatement(signStatement(keys, NOW, [user]), { now: NOW }), AppError, "no host CA");
});

Deno.test("a statement with a changed byte, of a later day, or of something else is refused", () => {
  const bytes = signStatement(keys, NOW, [old, fresh]);
  const trusted = [old.publicKey];
  for (let at = 0; at < bytes.length; at++) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    let opened;
    try {
      opened = openStatement(changed, { trusted, now: NOW });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      continue;
    }
    assertEquals(opened, { ...keys, issued: NOW }, "only the other signature may have been spoilt");
  }
  assertThrows(
    () => openStatement(signStatement(keys, NOW + 2 * DAY, [old]), { trusted, now: NOW }),
    AppError,
    "ahead",
  );
  assertThrows(() => openStatement(new Uint8Array(), { trusted, now: NOW }), AppError);
  assertThrows(() => statedCluster(new Uint8Array(3)), AppError);
  const many = { ...keys, host: Array(17).fill(keys.host[0]) };
  assertThrows(
    () => openStatement(signStatement(many, NOW, [old]), { trusted, now: NOW }),
    AppError,
    "17 is no number",
  );
  const named = { ...keys, cluster: "a\nb" };
  assertThrows(
    () => openStatement(signStatement(named, NOW, [old]), { trusted, now: NOW }),
    AppError,
    "no valid cluster",
  );
});

Deno.test("what a cluster of 0.1.0 stated of itself is still read", () => {
  const host = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK6ER/GCyWOG8GNG1sRZjz8AmMqiJlJHJBusBoQKelvc";
  const statement = Uint8Array.fromBase64(
    "AAAA4wAAAB90ZWxlcG9ydCBjbHVzdGVyIGF1dGhvcml0aWVzIHYxAAAABG1haW4AAAGbvvOwAAAAAAEAAABQc3NoLWVkMjU1MTkgQUFBQUMz" +
      "TnphQzFsWkRJMU5URTVBQUFBSVBuTUJ1RkdZcUdwWHpWWEZpL1pBbDJBVzhKQ2ZTdCtTUStoQnJnend5dysAAAABAAAAUHNzaC1lZDI1NTE5" +
      "IEFBQUFDM056YUMxbFpESTFOVEU1QUFBQUlLNkVSL0dDeVdPRzhHTkcxc1Jaano4QW1NcWlKbEpISkJ1c0JvUUtlbHZjAAAAAQAAAFMAAAAL" +
      "c3NoLWVkMjU1MTkAAABAqmizvIIIcAr7rUDqbE9SXlr2GPJvFNOmWtJtNW/dS2gHeJSPllxZxedFr0iG3QzgkUOjPX+l7qfL4jn2vpcaBg==",
  );
  assertEquals(openStatement(statement, { trusted: [parsePublicKeyLine(host).key], now: NOW }), {
    cluster: "main",
    issued: NOW,
    user: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPnMBuFGYqGpXzVXFi/ZAl2AW8JCfSt+SQ+hBrgzwyw+"],
    host: [host],
  });
});
