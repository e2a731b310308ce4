/**
 * How clients of ours learn a new host CA while the old one is still trusted: during a rotation the auth server signs the
 * list of the keys with each of them, and proxies pass it on with every connection. A client that trusts one of the keys
 * can believe it, and needs not believe the proxy.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { PrivateKey } from "../ssh/private_key.ts";
import { parsePublicKeyLine, type PublicKey } from "../ssh/public_key.ts";
import { sign, verify } from "../ssh/signature.ts";
import { WireReader, WireWriter } from "../ssh/wire.ts";

/** The name of the global request (RFC 4254 section 4) whose fields the signed list is. */
export const HOST_AUTHORITIES = "x-teleport-host-authorities";

/** Begins what is signed, so that it cannot be taken for anything else that a CA key signs. */
const PURPOSE = "teleport host authorities v1";
const MAX_KEYS = 16;

/**
 * The list, signed by every key in it: purpose, cluster, end of validity in seconds since the epoch, number of keys, keys
 * as OpenSSH lines; then the number of signatures, and these.
 * @param expires milliseconds since the epoch
 */
export function signHostAuthorities(
  cluster: string,
  keys: readonly PrivateKey[],
  expires: number,
  signers = keys,
): Uint8Array {
  const writer = new WireWriter().string(PURPOSE).string(cluster).uint32(Math.floor(expires / 1000))
    .uint32(keys.length);
  for (const { publicKey } of keys) writer.string(publicKey.toLine());
  const list = writer.bytes();
  const signed = new WireWriter().string(list).uint32(signers.length);
  for (const key of signers) signed.string(sign(key, list));
  return signed.bytes();
}

/**
 * The keys of a signed list.
 * @param now milliseconds since the epoch
 * @throws {AppError} unauthenticated unless one of the trusted keys has signed it for this cluster, and for now;
 * bad_input when it is malformed
 */
export function openHostAuthorities(
  fields: WireReader,
  { cluster, trusted, now }: { cluster: string; trusted: readonly PublicKey[]; now: number },
): PublicKey[] {
  const list = fields.string();
  const signatures = many(fields, (reader) => reader.string());
  const reader = new WireReader(list);
  const purpose = reader.text();
  const named = reader.text();
  const expires = reader.uint32();
  const keys = many(reader, (each) => parsePublicKeyLine(each.text()).key);
  reader.end();
  if (purpose !== PURPOSE || named !== cluster || expires * 1000 < now) {
    throw new AppError("unauthenticated", "the list of host authorities is for another cluster or time");
  }
  const isSigned = trusted.some((key) => signatures.some((signature) => verify(key, signature, list)));
  if (!isSigned) {
    throw new AppError("unauthenticated", "no trusted authority has signed the list of host authorities");
  }
  return keys;
}

function many<T>(reader: WireReader, read: (reader: WireReader) => T): T[] {
  const count = reader.uint32();
  if (count === 0 || count > MAX_KEYS) {
    throw new AppError("bad_input", `${count} is no number of host authorities`);
  }
  return Array.from({ length: count }, () => read(reader));
}
