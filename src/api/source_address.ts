/**
 * The critical option `source-address` of certificates (OpenSSH PROTOCOL.certkeys): a list of addresses and CIDR blocks
 * a certificate may be used from. As in OpenSSH a list that is malformed anywhere allows nobody.
 * @module
 */
import { isIP } from "node:net";

interface Address {
  bits: 32 | 128;
  value: bigint;
}

/** True when `address` is in one of the comma-separated addresses or CIDR blocks. */
export function addressAllowed(address: string, list: string): boolean {
  const peer = parseAddress(address.replace(/%[^%]*$/, "")); // a link-local address names its interface
  const blocks = list.split(",").map(parseBlock);
  if (!peer || !blocks.every((block) => block !== undefined)) return false;
  return blocks.some(({ network, prefix }) =>
    network.bits === peer.bits && same(network.value, peer.value, network.bits - prefix)
  );
}

/** True for what {@linkcode addressAllowed} takes as one item of its list. */
export function isAddressBlock(text: string): boolean {
  return parseBlock(text) !== undefined;
}

function same(a: bigint, b: bigint, hostBits: number): boolean {
  return a >> BigInt(hostBits) === b >> BigInt(hostBits);
}

/** One address or block; undefined when it is malformed or has bits set beyond its prefix. */
function parseBlock(text: string): { network: Address; prefix: number } | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const network = parseAddress(address);
  if (!network || rest.length > 0 || length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const mapped = network.bits === 32 && isIP(address) === 6 ? 96 : 0;
  const prefix = length === undefined ? network.bits : Number(length) - mapped;
  if (prefix < 0 || prefix > network.bits) return undefined;
  const hostBits = BigInt(network.bits - prefix);
  return network.value >> hostBits << hostBits === network.value ? { network, prefix } : undefined;
}

/** An address as a number. An IPv4 address inside an IPv6 one (RFC 4291 section 2.5.5.2) is the IPv4 address. */
function parseAddress(text: string): Address | undefined {
  const version = text.includes("%") ? 0 : isIP(text);
  if (version === 4) return { bits: 32, value: numberOf(text.split(".").map(Number), 8) };
  if (version !== 6) return undefined;
  // The last 32 bits may be written as IPv4.
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`;
  });
  const [head = "", tail] = plain.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  const value = numberOf([...before, ...zeros, ...after], 16);
  return value >> 32n === 0xffffn ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value };
}

function numberOf(parts: readonly number[], bits: number): bigint {
  return parts.reduce((value, part) => value << BigInt(bits) | BigInt(part), 0n);
}
