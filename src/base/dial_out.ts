/**
 * Connections that leave this machine's network: directly, or through the HTTP proxy that the environment names.
 * @module
 */
import type { Socket } from "node:net";
import { dialTcp, type HostPort } from "./dial.ts";
import { type ConnectProxy, proxyFor } from "./proxy_choice.ts";

/** The proxy that the environment names for a target. @throws {AppError} bad_input for a variable that names none */
export function environmentProxy(target: HostPort): ConnectProxy | undefined {
  return proxyFor(target, (name) => Deno.env.get(name));
}

/** Connects to `target`. @throws {AppError} unavailable or timeout, naming it and the proxy if there is one */
export async function dialOut(target: HostPort, timeoutMs?: number): Promise<Socket> {
  const proxy = environmentProxy(target);
  if (!proxy) return await dialTcp(target.host, target.port, timeoutMs);
  const { dialThrough } = await import("./connect_tunnel.ts"); // most have no proxy, and start faster without it
  return await dialThrough(proxy, target, timeoutMs);
}
