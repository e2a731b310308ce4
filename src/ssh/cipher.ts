/**
 * Authenticated encryption of SSH packets, apart from who computes it: libcrypto through FFI where a role may use it,
 * else what the SSH library brings.
 * @module
 */

/**
 * One direction of one connection's packet cipher. Packets are worked on in place:
 * 4 bytes of length, `length` bytes of body, 16 bytes of tag.
 */
export interface Aead {
  /** The packet (after the length field) is padded to a multiple of this many bytes. */
  readonly blockSize: number;
  /** Encrypts and tags the packet at the start of `packet`. */
  seal(packet: Uint8Array, length: number, sequence: number): void;
  /** The packet length out of the first four bytes, which stay as they are. */
  readLength(header: Uint8Array, sequence: number): number;
  /** Checks the tag, then decrypts. False when the tag is wrong; the packet must then not be used. */
  open(packet: Uint8Array, length: number, sequence: number): boolean;
  /** Releases native memory. Afterwards every other call throws. */
  free(): void;
}

/** Makes packet ciphers for the algorithms it knows. */
export interface AeadMaker {
  /** Shown to operators: `libcrypto (ffi)`. */
  readonly name: string;
  /** The cipher for an SSH algorithm's inner name (`aes-128-gcm`, `aes-256-gcm`, `chacha20`), or undefined. */
  make(cipher: string, key: Uint8Array, iv: Uint8Array, encrypt: boolean): Aead | undefined;
}

let current: AeadMaker | undefined;

/** Chooses the maker for connections made from now on in this thread; undefined means the SSH library's own. */
export function useAeadMaker(maker: AeadMaker | undefined): void {
  current = maker;
}

export function aeadMaker(): AeadMaker | undefined {
  return current;
}

/** The name of the maker in use, for the log and for `teleport status`. */
export function cipherProvider(): string {
  return current?.name ?? "built-in";
}
