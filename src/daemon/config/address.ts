/**
 * Network addresses as people write them in the configuration: `host`, `host:port`, `[ipv6]:port`.
 * @module
 */
import { isIP, isIPv6 } from "node:net";
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";

/** A host name or IP (IPv6 without brackets) and a port. Port 0 means "any free one" for a listener. */
export interface Address {
  host: string;
  port: number;
}

const HOST_LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/**
 * Reads `host[:port]`; without a port, `defaultPort` is filled in. IPv6 with a port needs brackets.
 * @throws {AppError} bad_input when the text is not an address.
 */
export function parseAddress(text: string, defaultPort: number): Address {
  if (text.includes("://")) throw refuse(text, "write it without a scheme, as host:port");
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(text);
  if (bracketed) {
    const host = bracketed[1] ?? "";
    if (!isIPv6(host)) throw refuse(text, "brackets hold an IPv6 address, as in [::1]:3022");
    return { host, port: parsePort(text, bracketed[2], defaultPort) };
  }
  if (isIPv6(text)) return { host: text, port: defaultPort };
  const colon = text.indexOf(":");
  if (colon !== text.lastIndexOf(":")) {
    throw refuse(text, "an IPv6 address with a port is written [::1]:3022");
  }
  const host = colon < 0 ? text : text.slice(0, colon);
  if (host === "") throw refuse(text, "the host is missing; 0.0.0.0 means every interface");
  if (!isHost(host)) throw refuse(text, "the host is neither an IP address nor a host name");
  return { host, port: parsePort(text, colon < 0 ? undefined : text.slice(colon + 1), defaultPort) };
}

/**
 * Reads a host without a port: an IP address (IPv6 with or without brackets) or a host name.
 * @throws {AppError} bad_input when the text is neither.
 */
export function parseHost(text: string): string {
  const bare = /^\[([^\]]*)\]$/.exec(text)?.[1];
  if (bare !== undefined && isIPv6(bare)) return bare;
  if (isHost(text) || isIPv6(text)) return text;
  throw refuse(text, "give an IP address or a host name, without a port");
}

/**
 * Reads an IP address, IPv6 with or without brackets.
 * @throws {AppError} bad_input when the text is not one.
 */
export function parseIp(text: string): string {
  const bare = /^\[([^\]]*)\]$/.exec(text)?.[1] ?? text;
  if (isIP(bare) === 0) throw refuse(text, "give an IP address, without a port");
  return bare;
}

/** `host:port`, an IPv6 host in brackets. */
export function formatAddress(address: Address): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** The same address as a client on this machine dials it: "every interface" becomes the loopback address. */
export function dialable(address: Address): Address {
  if (address.host === "0.0.0.0") return { host: "127.0.0.1", port: address.port };
  if (isIPv6(address.host) && /^[0:]*$/.test(address.host)) return { host: "::1", port: address.port };
  return address;
}

function isHost(text: string): boolean {
  // All digits and dots is meant as an IPv4 address; a misspelt one must not pass as a name.
  if (/^[0-9.]*$/.test(text)) return isIP(text) === 4;
  return text.length <= 253 && text.split(".").every((label) => HOST_LABEL.test(label));
}

function parsePort(address: string, text: string | undefined, defaultPort: number): number {
  if (text === undefined) return defaultPort;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65535)) throw refuse(address, "a port is a number from 0 to 65535");
  return port;
}

function refuse(text: string, advice: string): AppError {
  return new AppError("bad_input", `${quote(text)} is not an address: ${advice}`);
}
