/**
 * What a cluster states about its own certificate authorities, signed by its host CA: so another cluster that knows that
 * CA learns of a rotation from whoever carries the statement, and needs not believe the proxies on the way.
 *
 * Signed are: purpose, cluster, time of issue in milliseconds, the user CA's keys, the host CA's keys; each list is its
 * length and the keys as OpenSSH lines. Then come the number of signatures, and these.
 * @module
 */
import { DAY } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { isHostName } from "../model/name.ts";
import type { ClusterKeys } from "../model/trusted_cluster.ts";
import type { PrivateKey } from "../ssh/private_key.ts";
import { parsePublicKeyLine, type PublicKey } from "../ssh/public_key.ts";
import { sign, verify } from "../ssh/signature.ts";
import { WireReader, WireWriter } from "../ssh/wire.ts";

/** Begins what is signed, so that it cannot be taken for anything else that a CA key signs. */
const PURPOSE = "teleport cluster authorities v1";
const MAX_KEYS = 16;
/** How far the other cluster's clock may be ahead: a statement of later would keep newer ones out until then. */
const MAX_AHEAD = DAY;

/** A statement that was read and is signed by a trusted key. */
export interface OpenedStatement extends ClusterKeys {
  /** Milliseconds since the epoch by the clock of the cluster that has made it: of two the later one counts. */
  issued: number;
}

/** @param signers the host CA's keys that are trusted now; each signs */
export function signStatement(
  { cluster, user, host }: ClusterKeys,
  issued: number,
  signers: readonly PrivateKey[],
): Uint8Array {
  const writer = new WireWriter().string(PURPOSE).string(cluster).uint64(BigInt(issued));
  for (const keys of [user, host]) {
    writer.uint32(keys.length);
    for (const line of keys) writer.string(line);
  }
  const statement = writer.bytes();
  const signed = new WireWriter().string(statement).uint32(signers.length);
  for (const key of signers) signed.string(sign(key, statement));
  return signed.bytes();
}

/**
 * @param options.trusted the host CA's keys as they are known; left out, those that the statement itself names: then it
 * only shows that whoever made it holds them
 * @param options.now milliseconds since the epoch
 * @throws {AppError} unauthenticated unless a trusted key has signed; bad_input when it is malformed
 */
export function openStatement(
  bytes: Uint8Array,
  options: { trusted?: readonly PublicKey[]; now: number },
): OpenedStatement {
  const fields = new WireReader(bytes);
  const statement = fields.string();
  const signatures = many(fields, (reader) => reader.string());
  fields.end();
  const reader = new WireReader(statement);
  if (reader.text() !== PURPOSE) throw new AppError("bad_input", "this is no statement of a cluster");
  const cluster = reader.text();
  const issued = Number(reader.uint64());
  const [user, host] = [many(reader, readKey), many(reader, readKey)];
  reader.end();
  if (!isHostName(cluster)) throw new AppError("bad_input", "the statement names no valid cluster");
  if (issued > options.now + MAX_AHEAD) {
    throw new AppError(
      "bad_input",
      `cluster ${cluster} dates its authorities more than a day ahead: look at the clocks of both clusters`,
    );
  }
  const { trusted = host } = options;
  if (!trusted.some((key) => signatures.some((signature) => verify(key, signature, statement)))) {
    throw new AppError(
      "unauthenticated",
      `the authorities of cluster ${cluster} are signed by no host CA that is known here`,
    );
  }
  const lines = (keys: readonly PublicKey[]) => keys.map((key) => key.toLine());
  return { cluster, issued, user: lines(user), host: lines(host) };
}

/** The cluster that a statement claims to be of, to find the keys that it is to be opened with. @throws {AppError} bad_input */
export function statedCluster(bytes: Uint8Array): string {
  const reader = new WireReader(new WireReader(bytes).string());
  return reader.text() === PURPOSE ? reader.text() : "";
}

function readKey(reader: WireReader): PublicKey {
  return parsePublicKeyLine(reader.text()).key;
}

function many<T>(reader: WireReader, read: (reader: WireReader) => T): T[] {
  const count = reader.uint32();
  if (count === 0 || count > MAX_KEYS) throw new AppError("bad_input", `${count} is no number of keys`);
  return Array.from({ length: count }, () => read(reader));
}
