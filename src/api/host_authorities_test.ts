import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../base/errors.ts";
import { generateKey } from "../ssh/private_key.ts";
import { WireReader } from "../ssh/wire.ts";
import { Buffer } from "node:buffer";
import { openHostAuthorities, signHostAuthorities } from "./host_authorities.ts";

const [old, fresh, stranger] = [generateKey(), generateKey(), generateKey()];
const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

const open = (
  bytes: Uint8Array,
  change: Partial<Parameters<typeof openHostAuthorities>[1]> = {},
) =>
  openHostAuthorities(new WireReader(Buffer.from(bytes)), {
    cluster: "main",
    trusted: [old.publicKey],
    now: NOW,
    ...change,
  });

Deno.test("a client that trusts one of the keys learns the others", () => {
  const signed = signHostAuthorities("main", [old, fresh], NOW + HOUR);
  for (const trusted of [[old.publicKey], [fresh.publicKey], [stranger.publicKey, old.publicKey]]) {
    assertEquals(open(signed, { trusted }).map((key) => key.toLine()), [
      old.publicKey.toLine(),
      fresh.publicKey.toLine(),
    ]);
  }
});

Deno.test("what no trusted key has signed, for this cluster and for now, is not believed", () => {
  const signed = signHostAuthorities("main", [old, fresh], NOW + HOUR);
  const refused = (run: () => unknown) => assertThrows(run, AppError);
  refused(() => open(signed, { trusted: [stranger.publicKey] }));
  refused(() => open(signed, { trusted: [] }));
  refused(() => open(signed, { cluster: "east" }));
  refused(() => open(signed, { now: NOW + 2 * HOUR }));
  // A proxy of one's own with a key of its own.
  refused(() => open(signHostAuthorities("main", [stranger, fresh], NOW + HOUR)));
});

Deno.test("a list with any byte changed is refused", () => {
  const signed = signHostAuthorities("main", [old, fresh], NOW + HOUR);
  for (let at = 0; at < signed.length; at++) {
    const broken = new Uint8Array(signed);
    broken[at] = (broken[at] ?? 0) ^ 1;
    // The second signature is not the trusted key's: without it the first one still holds.
    const after = signed.length - 87;
    if (at >= after) continue;
    assertThrows(() => open(broken), AppError, undefined, `byte ${at}`);
  }
});
