/**
 * A call to an identity provider, wherever it leaves this machine. Nobody but an administrator says where calls go to
 * private places: what a provider itself names, its endpoints, must lie in the open.
 * @module
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { formatHostPort } from "./dial.ts";
import { AppError, messageOf } from "./errors.ts";
import { type HttpAnswer, type HttpCall, httpCall } from "./https_call.ts";

/** Plain data. Redirects are not followed. */
export interface OutboundCall extends Omit<HttpCall, "address" | "proxy" | "insecure"> {
  /** An administrator named this host: it may have a private address. */
  isConfigured: boolean;
}

/** Addresses that are of a machine, a link or a private network (RFC 6890). */
const PRIVATE = new BlockList();
for (
  const [network, prefix] of [
    ...[["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16]],
    ...[["172.16.0.0", 12], ["192.0.0.0", 24], ["192.168.0.0", 16], ["198.18.0.0", 15], ["224.0.0.0", 3]],
  ] as [string, number][]
) PRIVATE.addSubnet(network, prefix, "ipv4");
for (
  const [network, prefix] of [["::", 96], ["64:ff9b::", 96], ["fc00::", 7], ["fe80::", 10], [
    "ff00::",
    8,
  ]] as [string, number][]
) {
  PRIVATE.addSubnet(network, prefix, "ipv6");
}

export function isPrivateAddress(address: string): boolean {
  const version = isIP(address);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return PRIVATE.check(mapped, "ipv4");
  return version === 0 || PRIVATE.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** The link that holds the secrets of cloud machines: nobody's provider is there. */
const LINK = new BlockList();
LINK.addSubnet("169.254.0.0", 16, "ipv4");
LINK.addSubnet("fe80::", 10, "ipv6");

/**
 * Makes the call. The name is looked up once: what was found good is what is dialled.
 * @throws {AppError} unavailable, access_denied
 */
export async function outboundCall(
  { isConfigured, ...call }: OutboundCall,
  proxy: HttpCall["proxy"],
): Promise<HttpAnswer> {
  const where = formatHostPort(call);
  // Behind a proxy names are the proxy's to look up; addresses are checked all the same.
  const addresses = isIP(call.host) !== 0
    ? [call.host]
    : proxy
    ? []
    : await inTime(found(call.host), call.timeoutMs, where);
  for (const address of addresses) {
    const version = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (LINK.check(address, version) || !isConfigured && isPrivateAddress(address)) {
      throw new AppError("access_denied", `${where} has the address ${address}, which no provider may name`);
    }
  }
  try {
    return await httpCall({ ...call, address: addresses[0], ...(proxy ? { proxy } : {}) });
  } catch (error) {
    throw new AppError("unavailable", `no answer from ${where}: ${messageOf(error)}`, { cause: error });
  }
}

async function found(host: string): Promise<string[]> {
  try {
    const all = await lookup(host, { all: true });
    return all.map(({ address }) => address);
  } catch (error) {
    throw new AppError("unavailable", `the name ${host} cannot be resolved`, { cause: error });
  }
}

async function inTime<T>(work: Promise<T>, timeoutMs: number, where: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new AppError("unavailable", `the name of ${where} was not resolved in time`)),
    timeoutMs,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
