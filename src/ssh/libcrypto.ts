/**
 * AES-GCM (RFC 5647) and chacha20-poly1305@openssh.com (OpenSSH PROTOCOL.chacha20poly1305) by OpenSSL's libcrypto
 * through FFI: ten to twenty times faster than the runtime's own ciphers.
 *
 * Every native context belongs to one object and is released once; a call after that throws instead of touching freed
 * memory.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { Aead, AeadMaker } from "./cipher.ts";

/** Where Debian, Ubuntu, Fedora, Arch and Alpine keep OpenSSL 3, on x86-64 and arm64. */
export const LIBCRYPTO_PATHS: readonly string[] = [
  "/lib/x86_64-linux-gnu/libcrypto.so.3",
  "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
  "/lib/aarch64-linux-gnu/libcrypto.so.3",
  "/usr/lib/aarch64-linux-gnu/libcrypto.so.3",
  "/usr/lib64/libcrypto.so.3",
  "/lib64/libcrypto.so.3",
  "/usr/lib/libcrypto.so.3",
  "/lib/libcrypto.so.3",
];

const TAG = 16;
const GCM_GET_TAG = 0x10;
const GCM_SET_TAG = 0x11;

const SYMBOLS = {
  EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
  EVP_CIPHER_CTX_free: { parameters: ["pointer"], result: "void" },
  EVP_aes_128_gcm: { parameters: [], result: "pointer" },
  EVP_aes_256_gcm: { parameters: [], result: "pointer" },
  EVP_chacha20: { parameters: [], result: "pointer" },
  EVP_CipherInit_ex: {
    parameters: ["pointer", "pointer", "pointer", "buffer", "buffer", "i32"],
    result: "i32",
  },
  EVP_CipherUpdate: { parameters: ["pointer", "buffer", "buffer", "buffer", "i32"], result: "i32" },
  EVP_CipherFinal_ex: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  EVP_CIPHER_CTX_ctrl: { parameters: ["pointer", "i32", "i32", "buffer"], result: "i32" },
  EVP_MAC_fetch: { parameters: ["pointer", "buffer", "pointer"], result: "pointer" },
  EVP_MAC_CTX_new: { parameters: ["pointer"], result: "pointer" },
  EVP_MAC_CTX_free: { parameters: ["pointer"], result: "void" },
  EVP_MAC_init: { parameters: ["pointer", "buffer", "usize", "pointer"], result: "i32" },
  EVP_MAC_update: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  EVP_MAC_final: { parameters: ["pointer", "buffer", "buffer", "usize"], result: "i32" },
} as const;

type Libcrypto = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
type Bytes = Uint8Array<ArrayBuffer>;

const scratch: Bytes = new Uint8Array(64);
const written: Bytes = new Uint8Array(8);

function view(bytes: Uint8Array, start: number, end: number): Bytes {
  return bytes.subarray(start, end) as Bytes;
}

function need(pointer: Deno.PointerValue): NonNullable<Deno.PointerValue> {
  if (pointer === null) throw new AppError("closed", "a packet cipher was used after it was released");
  return pointer;
}

function must(result: number): void {
  if (result !== 1) throw new AppError("internal", "libcrypto refused a cipher operation");
}

class AesGcm implements Aead {
  readonly blockSize = 16;
  #context: Deno.PointerValue;
  readonly #iv: Bytes;
  readonly #lib: Libcrypto;

  constructor(lib: Libcrypto, key: Uint8Array, iv: Uint8Array, encrypt: boolean) {
    this.#lib = lib;
    this.#iv = new Uint8Array(iv.subarray(0, 12));
    this.#context = lib.EVP_CIPHER_CTX_new();
    const cipher = key.length === 16 ? lib.EVP_aes_128_gcm() : lib.EVP_aes_256_gcm();
    must(
      lib.EVP_CipherInit_ex(
        need(this.#context),
        cipher,
        null,
        new Uint8Array(key),
        this.#iv,
        encrypt ? 1 : 0,
      ),
    );
  }

  /** The invocation counter is the last eight bytes of the nonce (RFC 5647 section 7.1). */
  #nextNonce(): void {
    for (let i = 11; i >= 4; i--) {
      const value = ((this.#iv[i] ?? 0) + 1) & 255;
      this.#iv[i] = value;
      if (value !== 0) return;
    }
  }

  seal(packet: Uint8Array, length: number): void {
    const context = need(this.#context);
    const lib = this.#lib;
    const body = view(packet, 4, 4 + length);
    must(lib.EVP_CipherInit_ex(context, null, null, null, this.#iv, 1));
    must(lib.EVP_CipherUpdate(context, null, written, view(packet, 0, 4), 4));
    must(lib.EVP_CipherUpdate(context, body, written, body, length));
    must(lib.EVP_CipherFinal_ex(context, scratch, written));
    must(lib.EVP_CIPHER_CTX_ctrl(context, GCM_GET_TAG, TAG, view(packet, 4 + length, 4 + length + TAG)));
    this.#nextNonce();
  }

  readLength(header: Uint8Array): number {
    return new DataView(header.buffer, header.byteOffset, 4).getUint32(0);
  }

  open(packet: Uint8Array, length: number): boolean {
    const context = need(this.#context);
    const lib = this.#lib;
    const body = view(packet, 4, 4 + length);
    must(lib.EVP_CipherInit_ex(context, null, null, null, this.#iv, 0));
    must(lib.EVP_CipherUpdate(context, null, written, view(packet, 0, 4), 4));
    must(lib.EVP_CipherUpdate(context, body, written, body, length));
    must(lib.EVP_CIPHER_CTX_ctrl(context, GCM_SET_TAG, TAG, view(packet, 4 + length, 4 + length + TAG)));
    const good = lib.EVP_CipherFinal_ex(context, scratch, written) === 1;
    this.#nextNonce();
    return good;
  }

  free(): void {
    if (this.#context === null) return;
    this.#lib.EVP_CIPHER_CTX_free(this.#context);
    this.#context = null;
  }
}

const ZEROS: Bytes = new Uint8Array(32);
const polyKey: Bytes = new Uint8Array(32);
const polyTag: Bytes = new Uint8Array(TAG);
const nonce: Bytes = new Uint8Array(16);
const clearLength: Bytes = new Uint8Array(4);

/** libcrypto's ChaCha20 takes a 32-bit little-endian block counter, then the nonce: here the packet's sequence number. */
function setNonce(counter: number, sequence: number): Bytes {
  nonce[0] = counter;
  new DataView(nonce.buffer).setUint32(12, sequence);
  return nonce;
}

class ChaChaPoly implements Aead {
  readonly blockSize = 8;
  #body: Deno.PointerValue;
  #header: Deno.PointerValue;
  #mac: Deno.PointerValue;
  readonly #lib: Libcrypto;

  constructor(lib: Libcrypto, poly1305: Deno.PointerValue, key: Uint8Array) {
    this.#lib = lib;
    this.#body = lib.EVP_CIPHER_CTX_new();
    this.#header = lib.EVP_CIPHER_CTX_new();
    this.#mac = lib.EVP_MAC_CTX_new(poly1305);
    must(
      lib.EVP_CipherInit_ex(
        need(this.#body),
        lib.EVP_chacha20(),
        null,
        new Uint8Array(key.subarray(0, 32)),
        nonce,
        1,
      ),
    );
    must(
      lib.EVP_CipherInit_ex(
        need(this.#header),
        lib.EVP_chacha20(),
        null,
        new Uint8Array(key.subarray(32)),
        nonce,
        1,
      ),
    );
    need(this.#mac);
  }

  #crypt(context: Deno.PointerValue, counter: number, sequence: number, from: Bytes, to: Bytes): void {
    const pointer = need(context);
    must(this.#lib.EVP_CipherInit_ex(pointer, null, null, null, setNonce(counter, sequence), 1));
    must(this.#lib.EVP_CipherUpdate(pointer, to, written, from, from.length));
  }

  #tag(packet: Uint8Array, length: number, sequence: number, out: Bytes): void {
    this.#crypt(this.#body, 0, sequence, ZEROS, polyKey);
    const mac = need(this.#mac);
    must(this.#lib.EVP_MAC_init(mac, polyKey, 32n, null));
    must(this.#lib.EVP_MAC_update(mac, view(packet, 0, 4 + length), BigInt(4 + length)));
    must(this.#lib.EVP_MAC_final(mac, out, written, BigInt(TAG)));
  }

  seal(packet: Uint8Array, length: number, sequence: number): void {
    const header = view(packet, 0, 4);
    const body = view(packet, 4, 4 + length);
    this.#crypt(this.#header, 0, sequence, header, header);
    this.#crypt(this.#body, 1, sequence, body, body);
    this.#tag(packet, length, sequence, view(packet, 4 + length, 4 + length + TAG));
  }

  readLength(header: Uint8Array, sequence: number): number {
    this.#crypt(this.#header, 0, sequence, view(header, 0, 4), clearLength);
    return new DataView(clearLength.buffer).getUint32(0);
  }

  open(packet: Uint8Array, length: number, sequence: number): boolean {
    this.#tag(packet, length, sequence, polyTag);
    let difference = 0;
    for (let i = 0; i < TAG; i++) difference |= (polyTag[i] ?? 0) ^ (packet[4 + length + i] ?? 0);
    if (difference !== 0) return false;
    const body = view(packet, 4, 4 + length);
    this.#crypt(this.#body, 1, sequence, body, body);
    return true;
  }

  free(): void {
    if (this.#body !== null) this.#lib.EVP_CIPHER_CTX_free(this.#body);
    if (this.#header !== null) this.#lib.EVP_CIPHER_CTX_free(this.#header);
    if (this.#mac !== null) this.#lib.EVP_MAC_CTX_free(this.#mac);
    this.#body = this.#header = this.#mac = null;
  }
}

/**
 * Opens libcrypto at an absolute path.
 * @throws {AppError} unavailable when it cannot be opened or is too old; the caller then goes on without it.
 */
export function openLibcrypto(path: string): AeadMaker {
  try {
    const lib = Deno.dlopen(path, SYMBOLS).symbols;
    const poly1305 = need(lib.EVP_MAC_fetch(null, new TextEncoder().encode("POLY1305\0"), null));
    return {
      name: `libcrypto by FFI (${path})`,
      make(cipher, key, iv, encrypt) {
        if (cipher === "chacha20") return new ChaChaPoly(lib, poly1305, key);
        if (cipher === "aes-128-gcm" || cipher === "aes-256-gcm") return new AesGcm(lib, key, iv, encrypt);
        return undefined;
      },
    };
  } catch (error) {
    throw new AppError("unavailable", `libcrypto at ${path} cannot be used`, { cause: error });
  }
}
