import { assert, assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { LIBCRYPTO_PATHS, openLibcrypto } from "../libcrypto.ts";
import { cipherReady, portableMaker } from "./portable_cipher.ts";

const ALGORITHMS = [["chacha20", 64], ["aes-128-gcm", 16], ["aes-256-gcm", 32]] as const;
/** On both sides of where the native cipher takes over. */
const SIZES = [16, 1008, 1024, 1040, 32 * 1024];
const TAG = 16;

function packetOf(size: number): Uint8Array {
  const packet = new Uint8Array(4 + size + TAG);
  crypto.getRandomValues(packet.subarray(4, 4 + size));
  new DataView(packet.buffer).setUint32(0, size);
  return packet;
}

const library = LIBCRYPTO_PATHS.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
});
if (library === undefined) console.error("skipped: the ciphers against libcrypto's (it is not installed)");

Deno.test({
  name: "what the portable ciphers seal libcrypto opens, and the other way round",
  ignore: library === undefined,
  async fn() {
    await cipherReady;
    const other = openLibcrypto(library ?? "");
    for (const [name, keyLength] of ALGORITHMS) {
      const key = crypto.getRandomValues(new Uint8Array(keyLength));
      const iv = crypto.getRandomValues(new Uint8Array(12));
      for (const [from, to] of [[portableMaker, other], [other, portableMaker]] as const) {
        const sealing = from.make(name, key, iv, true);
        const opening = to.make(name, key, iv, false);
        assert(sealing && opening, name);
        let sequence = 0xffff_fffd; // packet numbers wrap
        for (const size of SIZES) {
          const packet = packetOf(size);
          const plain = packet.slice(0, 4 + size);
          sealing.seal(packet, size, sequence);
          assertEquals(opening.readLength(packet.subarray(0, 4), sequence), size);
          assert(opening.open(packet, size, sequence), `${name} ${size}`);
          assertEquals(packet.subarray(4, 4 + size), plain.subarray(4));
          sequence = (sequence + 1) >>> 0;
        }
        sealing.free();
        opening.free();
      }
    }
  },
});

Deno.test("a changed bit anywhere, another number and a freed cipher open nothing", async () => {
  await cipherReady;
  const key = crypto.getRandomValues(new Uint8Array(64));
  for (const size of [64, 2048]) {
    const cipher = portableMaker.make("chacha20", key, new Uint8Array(12), true);
    assert(cipher);
    const sealed = packetOf(size);
    cipher.seal(sealed, size, 7);
    for (const at of [0, 3, 4, 4 + size - 1, 4 + size, 4 + size + TAG - 1]) {
      const changed = sealed.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      assertEquals(cipher.open(changed, size, 7), false, `byte ${at}`);
    }
    assertEquals(cipher.open(sealed.slice(), size, 8), false);
    assertEquals(cipher.open(sealed, size, 7), true);
    cipher.free();
    assertThrows(() => cipher.seal(packetOf(size), size, 9), AppError, "after it was released");
  }
});
