/**
 * The PROXY header, by which a balancer tells where its client is: version 1, a line of text, and version 2, binary
 * (HAProxy's proxy-protocol.txt, sections 2.1 and 2.2).
 * @module
 */
import { Buffer } from "node:buffer";
import { isIPv4, isIPv6, type Socket } from "node:net";
import { AppError } from "./errors.ts";
import { canonicalAddress } from "./client_address.ts";

const V1_MARK = Buffer.from("PROXY ");
/** The longest line of version 1, with its end. */
const V1_MOST = 107;
const V2_MARK = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** Addresses and the extensions that balancers really send stay far below. */
const V2_MOST = 4096;
const V2_FIXED = 16;
const NOTHING = Buffer.alloc(0);

/** Where a client is. */
export interface ToldClient {
  address: string;
  port: number;
}

/** What a connection's first bytes are. */
export type FirstBytes =
  | "more" // a header may have begun
  | "none" // no header
  | { length: number; client?: ToldClient }; // a header; without a client it speaks for the balancer itself

/**
 * Looks at the first bytes of a connection.
 * @throws {AppError} bad_input when they begin as a header does and are none
 */
export function parseProxyHeader(bytes: Buffer): FirstBytes {
  if (startsAs(bytes, V1_MARK)) return bytes.length < V1_MARK.length ? "more" : parseLine(bytes);
  if (startsAs(bytes, V2_MARK)) return bytes.length < V2_FIXED ? "more" : parseBinary(bytes);
  return "none";
}

function startsAs(bytes: Buffer, mark: Buffer): boolean {
  const length = Math.min(bytes.length, mark.length);
  return bytes.subarray(0, length).equals(mark.subarray(0, length));
}

function parseLine(bytes: Buffer): FirstBytes {
  const end = bytes.subarray(0, V1_MOST).indexOf("\r\n");
  if (end < 0) {
    if (bytes.length >= V1_MOST) throw malformed("its line does not end");
    return "more";
  }
  const length = end + 2;
  const [family, source = "", destination = "", sourcePort = "", destinationPort = "", ...rest] = bytes
    .subarray(V1_MARK.length, end).toString("latin1").split(" ");
  if (family === "UNKNOWN") return { length };
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : undefined;
  if (!isAddress) throw malformed("its protocol is none of TCP4, TCP6 and UNKNOWN");
  if (!isAddress(source) || !isAddress(destination) || rest.length > 0) throw malformed("its addresses");
  const port = portOf(sourcePort);
  portOf(destinationPort);
  return { length, client: { address: canonicalAddress(source), port } };
}

function portOf(text: string): number {
  if (/^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535) return Number(text);
  throw malformed("its ports");
}

function parseBinary(bytes: Buffer): FirstBytes {
  const command = bytes.readUInt8(12);
  const length = V2_FIXED + bytes.readUInt16BE(14);
  if (command >> 4 !== 2 || (command & 0xf) > 1) throw malformed("its version or command");
  if (length > V2_MOST) throw malformed("it is too long");
  if (bytes.length < length) return "more";
  if (command === 0x20) return { length }; // LOCAL: a health check of the balancer's own
  const block = bytes.subarray(V2_FIXED, length);
  switch (bytes.readUInt8(13)) {
    case 0x11:
      if (block.length < 12) throw malformed("its addresses");
      return {
        length,
        client: { address: [...block.subarray(0, 4)].join("."), port: block.readUInt16BE(8) },
      };
    case 0x21:
      if (block.length < 36) throw malformed("its addresses");
      return { length, client: { address: ipv6Text(block.subarray(0, 16)), port: block.readUInt16BE(32) } };
    default:
      return { length }; // sockets, datagrams, unspecified: no address that means something here
  }
}

function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  const mapped = /^(?:0:){5}ffff:/.test(groups.join(":"));
  if (mapped) return [...bytes.subarray(12)].join(".");
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

function malformed(what: string): AppError {
  return new AppError("bad_input", `the balancer's PROXY header is malformed: ${what}`);
}

/**
 * Takes the header off a connection that was just accepted, and nothing else. Nobody else may read the socket before.
 * @param required a connection without a header is refused
 * @returns the client that the header names; undefined without a header, and when it names none
 * @throws {AppError} bad_input, unauthenticated or closed; the connection is of no use then
 */
export function takeProxyHeader(
  socket: Socket,
  { required, timeoutMs }: { required: boolean; timeoutMs: number },
): Promise<ToldClient | undefined> {
  return new Promise((resolve, reject) => {
    let seen = NOTHING;
    const settle = (left: Buffer, outcome: () => void) => {
      clearTimeout(timer);
      socket.off("readable", onReadable);
      socket.off("close", onClose);
      socket.off("end", onClose);
      socket.off("error", onClose);
      if (left.length > 0) socket.unshift(left);
      outcome();
    };
    const missing = () => {
      if (!required) return resolve(undefined);
      reject(new AppError("unauthenticated", "a connection of the balancer has no PROXY header"));
    };
    const onClose = () => settle(NOTHING, () => reject(new AppError("closed", "the client went away")));
    const onReadable = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        seen = Buffer.concat([seen, chunk]);
      }
      if (seen.length === 0) return;
      try {
        const first = parseProxyHeader(seen);
        if (first === "none") settle(seen, missing);
        else if (first !== "more") settle(seen.subarray(first.length), () => resolve(first.client));
      } catch (error) {
        settle(seen, () => reject(error));
      }
    };
    const timer = setTimeout(() => settle(seen, missing), timeoutMs);
    socket.on("readable", onReadable);
    socket.once("close", onClose);
    socket.once("end", onClose);
    socket.once("error", onClose);
    onReadable();
  });
}
