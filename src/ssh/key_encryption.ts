/**
 * The encryption of openssh-key-v1 files (OpenSSH PROTOCOL.key): bcrypt_pbkdf makes key and IV out of the passphrase.
 * @module
 */
import { Buffer } from "node:buffer";
import { createDecipheriv } from "node:crypto";
import bcrypt from "bcrypt-pbkdf";
import { AppError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import { printable } from "./public_key.ts";
import { WireReader } from "./wire.ts";

/** The encryption of one file, as its header names it. */
export interface KeyEncryption {
  cipher: string;
  kdf: string;
  /** Of `bcrypt`: string salt, uint32 rounds. */
  kdfOptions: Uint8Array;
}

interface FileCipher {
  name: "aes-128-ctr" | "aes-256-ctr" | "aes-128-cbc" | "aes-256-cbc" | "aes-128-gcm" | "aes-256-gcm";
  keyLength: number;
  ivLength: number;
  tagLength: number;
}

const AES = (bits: 128 | 256, mode: "ctr" | "cbc" | "gcm"): FileCipher => ({
  name: `aes-${bits}-${mode}`,
  keyLength: bits / 8,
  ivLength: mode === "gcm" ? 12 : 16,
  tagLength: mode === "gcm" ? 16 : 0,
});

/** What ssh-keygen writes (aes256-ctr), and what its -Z takes. */
const CIPHERS: Readonly<Record<string, FileCipher>> = {
  "aes128-ctr": AES(128, "ctr"),
  "aes256-ctr": AES(256, "ctr"),
  "aes128-cbc": AES(128, "cbc"),
  "aes256-cbc": AES(256, "cbc"),
  "aes128-gcm@openssh.com": AES(128, "gcm"),
  "aes256-gcm@openssh.com": AES(256, "gcm"),
};

/** ssh-keygen's default is 16 rounds, a fifth of a second; this is half a minute. */
const MAX_ROUNDS = 2048;

const pbkdf = (bcrypt as {
  pbkdf(
    password: Uint8Array,
    passwordLength: number,
    salt: Uint8Array,
    saltLength: number,
    out: Uint8Array,
    outLength: number,
    rounds: number,
  ): number;
}).pbkdf;

/** How many bytes of authentication tag stand behind the private part. */
export function tagLength({ cipher }: KeyEncryption): number {
  return fileCipher(cipher).tagLength;
}

/**
 * Decrypts the private part of a file.
 * @param tag what stands behind it
 * @returns undefined when it can be told that the passphrase is wrong
 */
export function decryptPrivatePart(
  encryption: KeyEncryption,
  data: Uint8Array,
  tag: Uint8Array,
  passphrase: Secret<string>,
): Buffer | undefined {
  const { name, keyLength, ivLength, tagLength } = fileCipher(encryption.cipher);
  const material = deriveKey(encryption, passphrase, keyLength + ivLength);
  const [key, iv] = [material.subarray(0, keyLength), material.subarray(keyLength)];
  if (tagLength === 0) {
    if (data.length % 16 !== 0) throw new AppError("bad_input", "the private key file is damaged");
    const decipher = createDecipheriv(name, key, iv).setAutoPadding(false);
    return Buffer.concat([decipher.update(data), decipher.final()]);
  }
  const decipher = createDecipheriv(name as "aes-256-gcm", key, iv);
  decipher.setAuthTag(tag);
  const plain = decipher.update(data);
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch (error) {
    if (error instanceof Error) return undefined; // node:crypto tells a wrong tag by throwing
    throw error;
  }
}

function fileCipher(cipher: string): FileCipher {
  const found = Object.hasOwn(CIPHERS, cipher) ? CIPHERS[cipher] : undefined;
  if (found) return found;
  throw new AppError(
    "unsupported",
    `private key files encrypted with "${printable(cipher)}" cannot be read; ` +
      "rewrite the file with: ssh-keygen -p -Z aes256-ctr -f FILE",
  );
}

function deriveKey({ kdf, kdfOptions }: KeyEncryption, passphrase: Secret<string>, length: number): Buffer {
  if (kdf !== "bcrypt") {
    throw new AppError(
      "unsupported",
      `the key derivation "${printable(kdf)}" of the private key file is not known`,
    );
  }
  const reader = new WireReader(kdfOptions);
  const salt = reader.string();
  const rounds = reader.uint32();
  reader.end();
  if (salt.length === 0 || rounds === 0) throw new AppError("bad_input", "the private key file is damaged");
  if (rounds > MAX_ROUNDS) {
    throw new AppError(
      "bad_input",
      `the private key file asks for ${rounds} rounds, more than ${MAX_ROUNDS}`,
    );
  }
  const password = Buffer.from(passphrase.reveal(), "utf8");
  if (password.length === 0) {
    throw new AppError("unauthenticated", "the passphrase of a private key is not empty");
  }
  const out = Buffer.alloc(length);
  if (pbkdf(password, password.length, salt, salt.length, out, length, rounds) !== 0) {
    throw new AppError("bad_input", "the private key file is damaged");
  }
  return out;
}
