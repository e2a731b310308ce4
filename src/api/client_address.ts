/**
 * How a proxy tells a node or an auth server where its client really is: one line before the SSH handshake, signed by
 * the proxy's host key for this server. Without the signature anybody who reaches the server could claim any address, and
 * get around `source-address`.
 *
 * The line is `Teleport-Proxy` JSON NUL; a client that is no proxy starts with `SSH-`, so one look tells them apart.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { type Certificate, formatCertificateLine, parseCertificateLine } from "../ssh/certificate.ts";
import type { PrivateKey } from "../ssh/private_key.ts";
import { sign, verify } from "../ssh/signature.ts";
import { WireWriter } from "../ssh/wire.ts";
import { identifyHost, type Trust } from "./identity.ts";

const MARK = "Teleport-Proxy";
const MAX_LINE = 8192;
/** How far the proxy's clock may be off, and how long a line could be replayed, in milliseconds. */
const MAX_AGE_MS = 5 * 60_000;

export interface ClientAddress {
  address: string;
  port: number;
  /** The cluster through whose tunnel the client came: it is that cluster's word, and good for its own users only. */
  via?: string;
}

/** What a proxy tells of its client. */
export interface RelayedClient extends ClientAddress {
  /** The proxy records what the client does, and tells of it. */
  recorded?: boolean;
}

/** How long a connection's first bytes may take, in milliseconds. */
export const FIRST_BYTES_MS = 3000;

/** In the place of a node's id: any auth server of the cluster. */
export function authTarget(cluster: string): string {
  return `auth.${cluster}`;
}

/** What the signature covers. */
function statement(client: RelayedClient, nodeId: string, time: number): Buffer {
  const words = new WireWriter().string(`${MARK} v1`).string(nodeId).string(client.address).uint32(
    client.port,
  )
    .uint64(BigInt(time));
  if (client.recorded) words.string("recorded");
  if (client.via !== undefined) words.string("via").string(client.via);
  return words.bytes();
}

/** The line a proxy sends to the node `nodeId` before it relays the client's bytes. */
export function clientAddressLine(
  client: RelayedClient,
  nodeId: string,
  proxy: { key: PrivateKey; certificate: Certificate },
  now: number,
): Buffer {
  const line = {
    client,
    time: now,
    certificate: formatCertificateLine(proxy.certificate),
    signature: sign(proxy.key, statement(client, nodeId, now)).toString("base64"),
  };
  return Buffer.from(`${MARK}${JSON.stringify(line)}\0`, "utf8");
}

/** @throws {AppError} unauthenticated unless a proxy of the cluster signed the line for this node */
export function verifyClientAddressLine(
  line: Buffer,
  nodeId: string,
  trust: Trust,
  clock: Clock,
): RelayedClient {
  try {
    const { client, time, certificate, signature } = JSON.parse(line.subarray(MARK.length).toString("utf8"));
    const parsed = parseCertificateLine(String(certificate));
    identifyHost(parsed, { trust, now: clock.now(), roles: ["proxy"] });
    const address: RelayedClient = { address: String(client.address), port: Number(client.port) };
    if (client.recorded === true) address.recorded = true;
    if (typeof client.via === "string") address.via = client.via;
    const fresh = Math.abs(clock.now() - Number(time)) <= MAX_AGE_MS;
    const signed = statement(address, nodeId, Number(time));
    if (fresh && verify(parsed.key, Buffer.from(String(signature), "base64"), signed)) return address;
  } catch (error) {
    throw new AppError("unauthenticated", "a relayed client address cannot be believed", { cause: error });
  }
  throw new AppError("unauthenticated", "a relayed client address is not signed by a proxy, or too old");
}

/**
 * Looks at the first bytes of an accepted connection.
 * @returns the line without its NUL if there is one; all other bytes stay in the socket
 */
export function readClientAddressLine(socket: Socket, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      socket.off("readable", onReadable);
      socket.off("close", onClose);
      socket.off("error", onClose);
      outcome();
    };
    const putBack = (bytes: Buffer) => {
      if (bytes.length > 0) socket.unshift(bytes);
    };
    const onClose = () => settle(() => reject(new AppError("closed", "the client went away")));
    const onReadable = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        seen = Buffer.concat([seen, chunk]);
      }
      const length = Math.min(seen.length, MARK.length);
      if (seen.subarray(0, length).toString("latin1") !== MARK.slice(0, length)) {
        return settle(() => {
          putBack(seen);
          resolve(undefined);
        });
      }
      const end = seen.indexOf(0);
      if (end >= 0) {
        return settle(() => {
          putBack(seen.subarray(end + 1));
          resolve(seen.subarray(0, end));
        });
      }
      if (seen.length > MAX_LINE) {
        settle(() => reject(new AppError("bad_input", "the client's first line is too long")));
      }
    };
    // A client that waits for our banner first is served without a relayed address.
    const timer = setTimeout(() =>
      settle(() => {
        putBack(seen);
        resolve(undefined);
      }), timeoutMs);
    socket.on("readable", onReadable);
    socket.once("close", onClose);
    socket.once("error", onClose);
    onReadable();
  });
}
