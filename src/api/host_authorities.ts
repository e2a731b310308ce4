/**
 * How clients of ours learn a new host CA while the old one is still trusted: the proxy, which has just proved itself
 * with the old one, tells them the keys on each connection. It is no more than what it tells at the login.
 * @module
 */
import { AppError } from "../base/errors.ts";
import { parsePublicKeyLine, type PublicKey } from "../ssh/public_key.ts";
import { type WireReader, WireWriter } from "../ssh/wire.ts";

/** The name of the global request (RFC 4254 section 4). */
export const HOST_AUTHORITIES = "x-teleport-host-authorities";

const MAX_KEYS = 16;

/** The fields: the cluster's name, the number of keys, the keys as OpenSSH lines. */
export function encodeHostAuthorities(cluster: string, keys: readonly PublicKey[]): Uint8Array {
  const writer = new WireWriter().string(cluster).uint32(keys.length);
  for (const key of keys) writer.string(key.toLine());
  return writer.bytes();
}

/** @throws {AppError} bad_input */
export function decodeHostAuthorities(fields: WireReader): { cluster: string; keys: PublicKey[] } {
  const cluster = fields.text();
  const count = fields.uint32();
  if (count === 0 || count > MAX_KEYS) throw new AppError("bad_input", "not a number of host authorities");
  return { cluster, keys: Array.from({ length: count }, () => parsePublicKeyLine(fields.text()).key) };
}
