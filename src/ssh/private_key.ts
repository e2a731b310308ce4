/**
 * SSH private keys: generating them, and the openssh-key-v1 file format (OpenSSH PROTOCOL.key). PKCS#8, PKCS#1 and SEC1
 * PEM files are read as well.
 * @module
 */
import { Buffer } from "node:buffer";
import {
  createPrivateKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { AppError, isAppError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import { decryptPrivatePart, type KeyEncryption, tagLength } from "./key_encryption.ts";
import { base64url, curveOf, fromJwk, parsePublicKey, type PublicKey } from "./public_key.ts";
import { padded, WireReader, WireWriter, withoutLeadingZeros } from "./wire.ts";

const MAGIC = "openssh-key-v1\0";
const BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END = "-----END OPENSSH PRIVATE KEY-----";

/** A private key with its public half. Prints as `[private key]`. */
export class PrivateKey {
  readonly #key: KeyObject;

  constructor(key: KeyObject, readonly publicKey: PublicKey) {
    this.#key = key;
  }

  /** The node:crypto key, for signing. */
  get keyObject(): KeyObject {
    return this.#key;
  }

  toJSON(): string {
    return "[private key]";
  }

  [Symbol.for("Deno.customInspect")](): string {
    return "[private key]";
  }
}

/** Makes a new Ed25519 key. */
export function generateKey(): PrivateKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  return new PrivateKey(privateKey, fromJwk(privateKey.export({ format: "jwk" })));
}

/** True for the text of a key file that only a passphrase opens. */
export function needsPassphrase(text: string): boolean {
  const file = openSshBytes(text);
  if (!file) return /^Proc-Type: 4,ENCRYPTED|BEGIN ENCRYPTED PRIVATE KEY/m.test(text);
  return readHeader(file).encryption !== undefined;
}

/**
 * Reads a private key file: OpenSSH's own format, PKCS#8, PKCS#1 or SEC1 in PEM.
 * @param passphrase only looked at when the file is encrypted
 * @throws {AppError} bad_input when the text is no private key, unauthenticated when the passphrase is missing or wrong
 */
export function parsePrivateKey(text: string, passphrase?: Secret<string>): PrivateKey {
  const encrypted = needsPassphrase(text);
  if (encrypted && passphrase === undefined) {
    throw new AppError("unauthenticated", "the private key is encrypted: its passphrase is needed");
  }
  const file = openSshBytes(text);
  if (file) return parseOpenSsh(file, passphrase);
  try {
    const key = createPrivateKey({
      key: text,
      format: "pem",
      passphrase: encrypted ? passphrase?.reveal() : undefined,
    });
    return new PrivateKey(key, fromJwk(key.export({ format: "jwk" })));
  } catch (error) {
    if (isAppError(error)) throw error; // of another type, or too short
    if (encrypted) throw new AppError("unauthenticated", WRONG_PASSPHRASE, { cause: error });
    throw new AppError("bad_input", "the text is not an SSH private key", { cause: error });
  }
}

const WRONG_PASSPHRASE = "the passphrase of the private key is wrong";

function damaged(): AppError {
  return new AppError("bad_input", "the private key file is damaged");
}

/** What stands between the armour lines of OpenSSH's format. */
function openSshBytes(text: string): Buffer | undefined {
  const start = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (start < 0 || end < start) return undefined;
  return Buffer.from(text.slice(start + BEGIN.length, end).replace(/\s/g, ""), "base64");
}

interface KeyFile {
  /** Absent when the file is not encrypted. */
  encryption: KeyEncryption | undefined;
  publicKey: PublicKey;
  privatePart: Buffer;
  tag: Buffer;
}

function readHeader(bytes: Buffer): KeyFile {
  if (bytes.subarray(0, MAGIC.length).toString("latin1") !== MAGIC) throw damaged();
  const reader = new WireReader(bytes.subarray(MAGIC.length));
  const [cipher, kdf, kdfOptions] = [reader.text(), reader.text(), reader.string()];
  if (reader.uint32() !== 1) throw new AppError("bad_input", "a private key file must hold one key");
  const publicKey = parsePublicKey(reader.string());
  const privatePart = reader.string();
  const encryption = cipher === "none" ? undefined : { cipher, kdf, kdfOptions };
  return { encryption, publicKey, privatePart, tag: reader.rest() };
}

function parseOpenSsh(bytes: Buffer, passphrase: Secret<string> | undefined): PrivateKey {
  const { encryption, publicKey, privatePart, tag } = readHeader(bytes);
  if (tag.length !== (encryption ? tagLength(encryption) : 0)) throw damaged();
  const plain = encryption && passphrase
    ? decryptPrivatePart(encryption, privatePart, tag, passphrase)
    : privatePart;
  if (!plain) throw new AppError("unauthenticated", WRONG_PASSPHRASE);
  const inner = new WireReader(plain);
  if (inner.uint32() !== inner.uint32()) {
    throw encryption ? new AppError("unauthenticated", WRONG_PASSPHRASE) : damaged();
  }
  if (inner.text() !== publicKey.type) throw damaged();
  const jwk = readPrivateFields(publicKey, inner);
  inner.string(); // comment
  if (!inner.rest().every((byte, index) => byte === (index + 1 & 0xff))) throw damaged();
  try {
    return new PrivateKey(createPrivateKey({ key: jwk, format: "jwk" }), publicKey);
  } catch (error) {
    throw new AppError("bad_input", "the private key is not valid", { cause: error });
  }
}

function readPrivateFields(publicKey: PublicKey, reader: WireReader): JsonWebKey {
  if (publicKey.type === "ssh-ed25519") {
    reader.string();
    return { ...publicKey.jwk, d: base64url(reader.string().subarray(0, 32)) };
  }
  if (publicKey.type === "ssh-rsa") {
    reader.string();
    reader.string();
    const [d, qi, p, q] = [reader.string(), reader.string(), reader.string(), reader.string()]
      .map(withoutLeadingZeros);
    if (!d || !qi || !p || !q) throw damaged();
    const number = (bytes: Buffer) => BigInt(`0x${bytes.toString("hex") || "0"}`);
    const bytes = (value: bigint) => {
      const hex = value.toString(16);
      return Buffer.from(hex.length & 1 ? `0${hex}` : hex, "hex");
    };
    if (number(p) < 3n || number(q) < 3n) throw damaged();
    return {
      ...publicKey.jwk,
      d: base64url(d),
      p: base64url(p),
      q: base64url(q),
      qi: base64url(qi),
      dp: base64url(bytes(number(d) % (number(p) - 1n))),
      dq: base64url(bytes(number(d) % (number(q) - 1n))),
    };
  }
  reader.string();
  reader.string();
  return { ...publicKey.jwk, d: base64url(padded(reader.string(), curveOf(publicKey.type).length)) };
}

/** The private part of a key as both key files and the agent protocol carry it: type, public and private fields. */
export function privateKeyFields(key: PrivateKey): Buffer {
  const jwk = key.keyObject.export({ format: "jwk" });
  const field = (name: "d" | "n" | "e" | "p" | "q" | "qi" | "x") => Buffer.from(jwk[name] ?? "", "base64url");
  const { type } = key.publicKey;
  const writer = new WireWriter().string(type);
  if (type === "ssh-ed25519") {
    return writer.string(field("x")).string(Buffer.concat([field("d"), field("x")])).bytes();
  }
  if (type === "ssh-rsa") {
    return writer.mpint(field("n")).mpint(field("e")).mpint(field("d")).mpint(field("qi"))
      .mpint(field("p")).mpint(field("q")).bytes();
  }
  const reader = new WireReader(key.publicKey.blob);
  reader.string();
  return writer.string(reader.string()).string(reader.string()).mpint(field("d")).bytes();
}

/** An unencrypted openssh-key-v1 file. The caller writes it with mode 0600. */
export function formatPrivateKey(key: PrivateKey, comment = ""): string {
  const check = randomBytes(4).readUInt32BE();
  const fields = new WireWriter().uint32(check).uint32(check).raw(privateKeyFields(key)).string(comment)
    .bytes();
  const padding = (8 - fields.length % 8) % 8;
  const body = Buffer.concat([fields, Buffer.from(Array.from({ length: padding }, (_, i) => i + 1))]);
  const encoded = new WireWriter().raw(Buffer.from(MAGIC, "latin1")).string("none").string("none").string("")
    .uint32(1).string(key.publicKey.blob).string(body).bytes().toString("base64");
  return `${BEGIN}\n${encoded.replace(/.{70}/g, "$&\n").trimEnd()}\n${END}\n`;
}
