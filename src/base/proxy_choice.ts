/**
 * Which proxy an outgoing connection goes through, as the usual variables say: HTTPS_PROXY, else HTTP_PROXY, unless
 * NO_PROXY names the target. As with curl, and unlike Go, a proxy on this machine and targets on this machine are no
 * exception: what is set is used, or NO_PROXY says otherwise.
 * @module
 */
import { BlockList, isIP } from "node:net";
import type { HostPort } from "./dial.ts";
import { AppError } from "./errors.ts";

/** A proxy that takes CONNECT; plain data. */
export interface ConnectProxy extends HostPort {
  /** Whether it is spoken to by TLS. */
  tls: boolean;
  /** `user:password`, for Basic authentication. A secret; absent when it asks for none. */
  login?: string;
}

const VARIABLES = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] as const;

/** All variables that are read here. */
export const PROXY_VARIABLES: readonly string[] = [...VARIABLES, "NO_PROXY", "no_proxy"];

/**
 * The proxy for a target; undefined when the connection is to be direct.
 * @param env the value of a variable
 * @throws {AppError} bad_input when a variable is no proxy: a direct connection in its place might be seen by others
 */
export function proxyFor(
  target: HostPort,
  env: (name: string) => string | undefined,
): ConnectProxy | undefined {
  const name = VARIABLES.find((variable) => env(variable));
  if (name === undefined || isExempt(target, env("NO_PROXY") || env("no_proxy") || "")) return undefined;
  return parseProxyUrl(name, env(name) ?? "");
}

/** `scheme://[user:password@]host[:port]`; without a scheme it is `http`. */
function parseProxyUrl(variable: string, text: string): ConnectProxy {
  const trimmed = text.trim();
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`);
  // The value is left out of the text: it may hold a password.
  const wrong = (why: string) =>
    new AppError("bad_input", `${variable} ${why}; write it as http://host:port`);
  if (!url || url.hostname === "") throw wrong("is not the address of a proxy");
  const tls = url.protocol === "https:";
  if (!tls && url.protocol !== "http:") {
    throw wrong(`names a proxy of the kind "${url.protocol.slice(0, 16)}"`);
  }
  const proxy = {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || (tls ? 443 : 80)),
    tls,
  };
  if (url.username === "") return proxy;
  try {
    return { ...proxy, login: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` };
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw wrong("has a broken % in its user or password");
  }
}

/** Whether NO_PROXY names a target: `*`, a domain with all below it, an address, a network, each perhaps with a port. */
export function isExempt({ host, port }: HostPort, list: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  return list.toLowerCase().split(/[\s,]+/).filter(Boolean).some((entry) => {
    if (entry === "*") return true;
    const [, bracketed, plain, only] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
    if (only !== undefined && Number(only) !== port) return false;
    const wanted = bracketed ?? plain ?? entry; // an IPv6 address without brackets
    if (isIP(name) !== 0) return isWithin(name, wanted);
    const domain = wanted.replace(/^\*?\./, "");
    return domain !== "" && (name === domain || name.endsWith(`.${domain}`));
  });
}

function isWithin(address: string, wanted: string): boolean {
  const [network = "", bits] = wanted.split("/");
  const version = isIP(network);
  if (version === 0 || version !== isIP(address)) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  const most = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
  if (!(prefix <= most)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  return list.check(address, family);
}
