/**
 * SSH public keys (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4): Ed25519, RSA, ECDSA.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { AppError } from "../base/errors.ts";
import { padded, WireReader, WireWriter, withoutLeadingZeros } from "./wire.ts";

/** The elliptic curves of RFC 5656: JWK name, coordinate length in bytes, signature hash. */
export const CURVES: Readonly<Record<string, { jwk: string; length: number; hash: string }>> = {
  nistp256: { jwk: "P-256", length: 32, hash: "sha256" },
  nistp384: { jwk: "P-384", length: 48, hash: "sha384" },
  nistp521: { jwk: "P-521", length: 66, hash: "sha512" },
};

/** The curve of an `ecdsa-sha2-*` key type. */
export function curveOf(type: string): { name: string; jwk: string; length: number; hash: string } {
  const name = type.replace(/^ecdsa-sha2-/, "");
  const curve = Object.hasOwn(CURVES, name) ? CURVES[name] : undefined;
  if (!type.startsWith("ecdsa-sha2-") || !curve) {
    throw new AppError("bad_input", `key type "${printable(type)}" is not supported`);
  }
  return { name, ...curve };
}

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 16384;

/** A plain public key. Two keys are the same exactly when their blobs are. */
export class PublicKey {
  #keyObject: KeyObject | undefined;

  /**
   * @param type the key type, as `ssh-ed25519`
   * @param blob the encoding of RFC 4253 section 6.6
   * @param jwk the same key for node:crypto
   */
  constructor(readonly type: string, readonly blob: Buffer, readonly jwk: JsonWebKey) {}

  get keyObject(): KeyObject {
    try {
      return this.#keyObject ??= createPublicKey({ key: this.jwk, format: "jwk" });
    } catch (error) {
      throw new AppError("bad_input", `the ${this.type} key is not valid`, { cause: error });
    }
  }

  equals(other: PublicKey): boolean {
    return this.blob.equals(other.blob);
  }

  /** `SHA256:...`, as ssh-keygen prints it. */
  get fingerprint(): string {
    return `SHA256:${createHash("sha256").update(this.blob).digest("base64").replace(/=+$/, "")}`;
  }

  /** The line of an authorized_keys or .pub file. */
  toLine(comment = ""): string {
    return `${this.type} ${this.blob.toString("base64")}${comment ? ` ${comment}` : ""}`;
  }
}

/** Reads the fields after the type name: the form that certificates share with plain keys. */
export function readPublicKeyFields(type: string, reader: WireReader): PublicKey {
  if (type === "ssh-ed25519") {
    const key = reader.string();
    if (key.length !== 32) throw new AppError("bad_input", "an Ed25519 key must have 32 bytes");
    return ed25519Key(key);
  }
  if (type === "ssh-rsa") {
    const exponent = reader.string();
    return rsaKey(exponent, reader.string());
  }
  const curve = curveOf(type);
  const name = reader.text();
  const point = reader.string();
  if (name !== curve.name || point[0] !== 4 || point.length !== 1 + 2 * curve.length) {
    throw new AppError("bad_input", `the point of the ${type} key is malformed`);
  }
  return ecdsaKey(type, point);
}

/** Parses the blob of a plain public key; certificates are refused. */
export function parsePublicKey(blob: Uint8Array): PublicKey {
  const reader = new WireReader(blob);
  const key = readPublicKeyFields(reader.text(), reader);
  reader.end();
  return key;
}

/** Parses `type base64 [comment]`. */
export function parsePublicKeyLine(line: string): { key: PublicKey; comment: string } {
  const [type, encoded, ...comment] = line.trim().split(/[ \t]+/);
  if (!type || !encoded || /[\r\n]/.test(line.trim())) {
    throw new AppError("bad_input", "a public key line must read: type base64 [comment]");
  }
  const key = parsePublicKey(Buffer.from(encoded, "base64"));
  if (key.type !== type) {
    throw new AppError("bad_input", "the type in a public key line differs from the key");
  }
  return { key, comment: comment.join(" ") };
}

export function ed25519Key(key: Uint8Array): PublicKey {
  const blob = new WireWriter().string("ssh-ed25519").string(key).bytes();
  return new PublicKey("ssh-ed25519", blob, { kty: "OKP", crv: "Ed25519", x: base64url(key) });
}

export function rsaKey(exponent: Uint8Array, modulus: Uint8Array): PublicKey {
  const e = withoutLeadingZeros(exponent);
  const n = withoutLeadingZeros(modulus);
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
    throw new AppError(
      "bad_input",
      `an RSA key must have ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits, not ${bits}`,
    );
  }
  if (e.length > 8 || !((e.at(-1) ?? 0) & 1)) {
    throw new AppError("bad_input", "the RSA exponent is not valid");
  }
  const blob = new WireWriter().string("ssh-rsa").mpint(e).mpint(n).bytes();
  return new PublicKey("ssh-rsa", blob, { kty: "RSA", e: base64url(e), n: base64url(n) });
}

export function ecdsaKey(type: string, point: Uint8Array): PublicKey {
  const curve = curveOf(type);
  const blob = new WireWriter().string(type).string(curve.name).string(point).bytes();
  return new PublicKey(type, blob, {
    kty: "EC",
    crv: curve.jwk,
    x: base64url(point.subarray(1, 1 + curve.length)),
    y: base64url(point.subarray(1 + curve.length)),
  });
}

/** The SSH form of a node:crypto key, public or private. */
export function fromJwk(jwk: JsonWebKey): PublicKey {
  const field = (name: "x" | "y" | "e" | "n") => Buffer.from(jwk[name] ?? "", "base64url");
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") return ed25519Key(field("x"));
  if (jwk.kty === "RSA") return rsaKey(field("e"), field("n"));
  const name = Object.keys(CURVES).find((curve) => CURVES[curve]?.jwk === jwk.crv);
  if (jwk.kty !== "EC" || !name) {
    throw new AppError("unsupported", "the key is neither Ed25519, RSA nor ECDSA");
  }
  const { length } = curveOf(`ecdsa-sha2-${name}`);
  const point = Buffer.concat([Buffer.from([4]), padded(field("x"), length), padded(field("y"), length)]);
  return ecdsaKey(`ecdsa-sha2-${name}`, point);
}

export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");
}

/** Text from a peer, made safe for an error or log line. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.slice(0, 80).replace(/[\u0000-\u001f\u007f-\u009f"\\]/g, "?");
}
