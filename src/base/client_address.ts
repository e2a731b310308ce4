/**
 * Client addresses: one spelling for the audit log, one key for rate limits and caps.
 * @module
 */
import { isIPv4, isIPv6 } from "node:net";

/** The address without an IPv6 zone, and without the IPv4-in-IPv6 wrapping of a dual-stack socket. */
export function canonicalAddress(raw: string): string {
  const address = raw.split("%", 1)[0] ?? "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : address.toLowerCase();
}

/**
 * Who shares one rate limit: an IPv4 address, or an IPv6 /64. One IPv6 customer commonly owns a whole /64, so limits by
 * single address would not hold them.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // A dotted IPv4 tail stands for two groups.
  const width = before.length + after.length + (address.includes(".") ? 1 : 0);
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - width)).fill("0");
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
