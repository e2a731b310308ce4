/**
 * The packet ciphers without libcrypto: ChaCha20 of node:crypto, and of noble for what is short, with ssh2's Poly1305
 * (WebAssembly); and node:crypto's AES-GCM. They stand in for ssh2's own, which share a nonce buffer between all connections and so break one SSH
 * connection inside another, and which make three or four writes of each packet.
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, timingSafeEqual } from "node:crypto";
import { chacha20orig } from "@noble/ciphers/chacha";
import createPoly1305 from "ssh2/lib/protocol/crypto/poly1305.js";
import { AppError } from "../../base/errors.ts";
import type { Aead, AeadMaker } from "../cipher.ts";

const TAG = 16;

interface Poly1305Module {
  HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  cwrap(name: string, result: null, types: string[]): (...args: unknown[]) => void;
}

const ZEROS = new Uint8Array(32);
const POLY1305_TYPES = ["number", "array", "number", "array", "number", "array"];

let loaded:
  | { heap: () => Uint8Array; tagPlace: number; authenticate: (...args: unknown[]) => void }
  | undefined;

/**
 * Settles when the WebAssembly is there; a connection must not start before. No top-level await: with it, ssh2 would be
 * evaluated before this folder's patches.
 */
export const cipherReady: Promise<void> = (createPoly1305 as () => Promise<Poly1305Module>)().then((wasm) => {
  loaded = {
    heap: () => wasm.HEAPU8,
    tagPlace: wasm._malloc(TAG),
    authenticate: wasm.cwrap("poly1305_auth", null, POLY1305_TYPES),
  };
});

/** Poly1305 over a packet's encrypted length and body. */
function poly1305(key: Uint8Array, header: Uint8Array, body: Uint8Array): Uint8Array {
  if (!loaded) throw new AppError("internal", "a connection started before its ciphers were loaded");
  const { heap, tagPlace, authenticate } = loaded;
  authenticate(tagPlace, header, header.length, body, body.length, key);
  return heap().slice(tagPlace, tagPlace + TAG);
}

/**
 * Puts a cipher's output behind the length. Memory of its own is given back at once: left to the garbage collector, a bulk
 * transfer has it run a full round for each 16 MiB or so.
 */
function place(packet: Uint8Array, output: Buffer): void {
  packet.set(output, 4);
  const { buffer } = output;
  if (buffer instanceof ArrayBuffer && output.length === buffer.byteLength) buffer.transfer(0);
}

/** From here on a native cipher pays for the 25 µs that making one takes. */
const NATIVE_FROM = 1024;

/** PROTOCOL.chacha20poly1305 of OpenSSH: one key for lengths, one for everything else; the nonce is the packet's number. */
class ChaChaPoly implements Aead {
  readonly blockSize = 8;
  readonly #bodyKey: Uint8Array;
  readonly #headerKey: Uint8Array;
  readonly #nonce = new Uint8Array(8);
  readonly #length = new Uint8Array(4);
  #freed = false;

  constructor(key: Uint8Array) {
    this.#bodyKey = key.slice(0, 32);
    this.#headerKey = key.slice(32);
  }

  #crypt(key: Uint8Array, counter: number, sequence: number, from: Uint8Array, to?: Uint8Array): Uint8Array {
    if (this.#freed) throw new AppError("closed", "a packet cipher was used after it was released");
    new DataView(this.#nonce.buffer).setUint32(4, sequence);
    return chacha20orig(key, this.#nonce, from, to, counter);
  }

  /** The body is encrypted from the second block of the key stream on. */
  #body(packet: Uint8Array, length: number, sequence: number): void {
    const body = packet.subarray(4, 4 + length);
    if (length < NATIVE_FROM) return void packet.set(this.#crypt(this.#bodyKey, 1, sequence, body), 4);
    if (this.#freed) throw new AppError("closed", "a packet cipher was used after it was released");
    const nonce = Buffer.alloc(16);
    nonce[0] = 1;
    nonce.writeUInt32BE(sequence, 12);
    place(packet, createCipheriv("chacha20", this.#bodyKey, nonce).update(body));
  }

  #tag(packet: Uint8Array, length: number, sequence: number): Uint8Array {
    const key = this.#crypt(this.#bodyKey, 0, sequence, ZEROS);
    return poly1305(key, packet.subarray(0, 4), packet.subarray(4, 4 + length));
  }

  seal(packet: Uint8Array, length: number, sequence: number): void {
    packet.set(this.#crypt(this.#headerKey, 0, sequence, packet.subarray(0, 4)), 0);
    this.#body(packet, length, sequence);
    packet.set(this.#tag(packet, length, sequence), 4 + length);
  }

  readLength(header: Uint8Array, sequence: number): number {
    this.#crypt(this.#headerKey, 0, sequence, header.subarray(0, 4), this.#length);
    return new DataView(this.#length.buffer).getUint32(0);
  }

  open(packet: Uint8Array, length: number, sequence: number): boolean {
    const expected = this.#tag(packet, length, sequence);
    if (!timingSafeEqual(expected, packet.subarray(4 + length, 4 + length + TAG))) return false;
    this.#body(packet, length, sequence);
    return true;
  }

  free(): void {
    this.#freed = true;
    this.#bodyKey.fill(0);
    this.#headerKey.fill(0);
  }
}

class AesGcm implements Aead {
  readonly blockSize = 16;
  readonly #algorithm: "aes-128-gcm" | "aes-256-gcm";
  readonly #key: Buffer;
  readonly #nonce: Buffer;
  #freed = false;

  constructor(algorithm: "aes-128-gcm" | "aes-256-gcm", key: Uint8Array, iv: Uint8Array) {
    this.#algorithm = algorithm;
    this.#key = Buffer.from(key);
    this.#nonce = Buffer.from(iv.subarray(0, 12));
  }

  /** The nonce of this packet; the invocation counter in its last eight bytes moves on (RFC 5647 section 7.1). */
  #takeNonce(): Buffer {
    if (this.#freed) throw new AppError("closed", "a packet cipher was used after it was released");
    const nonce = Buffer.from(this.#nonce);
    this.#nonce.writeBigUInt64BE(BigInt.asUintN(64, this.#nonce.readBigUInt64BE(4) + 1n), 4);
    return nonce;
  }

  seal(packet: Uint8Array, length: number): void {
    const cipher = createCipheriv(this.#algorithm, this.#key, this.#takeNonce());
    cipher.setAAD(packet.subarray(0, 4));
    place(packet, cipher.update(packet.subarray(4, 4 + length)));
    cipher.final();
    packet.set(cipher.getAuthTag(), 4 + length);
  }

  readLength(header: Uint8Array): number {
    return new DataView(header.buffer, header.byteOffset, 4).getUint32(0);
  }

  open(packet: Uint8Array, length: number): boolean {
    const decipher = createDecipheriv(this.#algorithm, this.#key, this.#takeNonce());
    decipher.setAAD(packet.subarray(0, 4));
    decipher.setAuthTag(packet.subarray(4 + length, 4 + length + TAG));
    const plain = decipher.update(packet.subarray(4, 4 + length));
    try {
      decipher.final();
    } catch (error) {
      if (error instanceof Error) return false; // node:crypto tells a wrong tag by throwing
      throw error;
    }
    place(packet, plain);
    return true;
  }

  free(): void {
    this.#freed = true;
  }
}

export const portableMaker: AeadMaker = {
  name: "built-in",
  make(cipher, key, iv) {
    if (cipher === "chacha20") return new ChaChaPoly(key);
    if (cipher === "aes-128-gcm" || cipher === "aes-256-gcm") return new AesGcm(cipher, key, iv);
    return undefined;
  },
};
