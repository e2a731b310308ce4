/**
 * Forwardings of one connection: `-L` and `-D` listen on this machine, `-R` on the node.
 * @module
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { dialTcp } from "../../../src/base/dial.ts";
import { joinStreams } from "../../../src/base/duplex.ts";
import { AppError, isAppError, messageOf } from "../../../src/base/errors.ts";
import { lendingSocket } from "../../../src/base/lending.ts";
import { listenOn } from "../../../src/base/listen.ts";
import type { SshClient } from "../../../src/ssh/client.ts";
import { type Forward, type Place, showPlace } from "./forward_spec.ts";
import { readSocksRequest } from "./socks.ts";

export interface ForwardWishes {
  local: readonly Forward[];
  remote: readonly Forward[];
  /** When one cannot be had: fail, or go on without it as OpenSSH does. */
  required: boolean;
  /** Told about connections that failed, and what goes on without. */
  report(text: string): void;
  /** Told the port that the node chose. */
  allocated(text: string): void;
}

/** Sets all of them up. @throws {AppError} when a required one cannot be had */
export async function openForwards(node: SshClient, wishes: ForwardWishes): Promise<{ close(): void }> {
  const { local, remote, required, report } = wishes;
  const closers: (() => void)[] = [];
  const close = () => closers.forEach((each) => each());
  const attempt = async (what: string, open: () => Promise<void>) => {
    try {
      await open();
    } catch (error) {
      const text = `${what}: ${messageOf(error)}`;
      if (required) throw new AppError("unavailable", text, { cause: error });
      report(text);
    }
  };
  try {
    for (const { listen, target } of local) {
      await attempt(`cannot listen on ${showListen(listen)}`, async () => {
        closers.push(await listenLocally(listen, (socket) => void serveLocal(node, socket, target, report)));
      });
    }
    for (const forward of remote) {
      await attempt("remote port forwarding failed", () => listenRemotely(node, forward, wishes));
    }
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

function showListen(place: Place): string {
  return "path" in place ? place.path : showPlace({ host: localHost(place.host), port: place.port });
}

function localHost(host: string): string {
  if (host === "") return "127.0.0.1";
  return host === "*" ? "0.0.0.0" : host;
}

/** @returns ends the listening */
async function listenLocally(place: Place, onSocket: (socket: Socket) => void): Promise<() => void> {
  if ("path" in place) return await listenOnPath(place.path, onSocket);
  const listener = await listenOn({ host: localHost(place.host), port: place.port }, onSocket);
  return () => listener.close();
}

/** A socket that only this user can reach. */
async function listenOnPath(path: string, onSocket: (socket: Socket) => void): Promise<() => void> {
  const server: Server = createServer({ allowHalfOpen: true }, onSocket);
  const mask = Deno.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
  } finally {
    Deno.umask(mask);
  }
  return () => void server.close();
}

async function serveLocal(
  node: SshClient,
  socket: Socket,
  target: Place | "socks",
  report: (text: string) => void,
): Promise<void> {
  socket.on("error", () => {}); // its end is noticed by who reads it
  try {
    const origin = { address: socket.remoteAddress ?? "127.0.0.1", port: socket.remotePort ?? 0 };
    if (target !== "socks") return await joinStreams(socket, await reach(node, target, origin));
    const request = await readSocksRequest(socket);
    let channel: Duplex;
    try {
      channel = await reach(node, request, origin);
    } catch (error) {
      request.answer(false);
      socket.end();
      throw error;
    }
    request.answer(true);
    await joinStreams(socket, channel);
  } catch (error) {
    if (target !== "socks") socket.destroy();
    report(messageOf(error));
  }
}

function reach(node: SshClient, target: Place, origin: { address: string; port: number }): Promise<Duplex> {
  return "path" in target
    ? node.directStreamlocal(target.path)
    : node.directTcpip(target.host, target.port, origin);
}

async function listenRemotely(
  node: SshClient,
  { listen, target }: Forward,
  { allocated, report }: ForwardWishes,
): Promise<void> {
  const dial = async (): Promise<Duplex> => {
    try {
      return target === "socks" ? socksHere(report) : await dialHere(target);
    } catch (error) {
      report(messageOf(error));
      throw error;
    }
  };
  if ("path" in listen) return void await node.forwardRemoteSocket(listen.path, dial);
  // The protocol's words: "localhost" for the loopback addresses, nothing for all.
  const address = listen.host === "" ? "localhost" : listen.host === "*" ? "" : listen.host;
  const { port } = await node.forwardRemote(address, listen.port, dial);
  if (listen.port !== 0) return;
  const to = target === "socks" ? "SOCKS" : showPlace(target);
  allocated(`Allocated port ${port} for remote forward to ${to}`);
}

function dialHere(target: Place): Promise<Duplex> {
  return "path" in target ? dialPath(target.path) : dialTcp(target.host, target.port);
}

/** @throws {AppError} unavailable */
export function dialPath(path: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = lendingSocket((onread) => connect({ path, onread }));
    socket.once("connect", () => resolve(socket));
    socket.once(
      "error",
      (error) =>
        reject(new AppError("unavailable", `cannot connect to ${path}: ${error.message}`, { cause: error })),
    );
  });
}

/** A SOCKS proxy on this machine's side for one connection of the node's. */
function socksHere(report: (text: string) => void): Duplex {
  const [outer, inner] = duplexPair();
  const serve = async () => {
    const request = await readSocksRequest(inner);
    let target: Duplex;
    try {
      target = await dialTcp(request.host, request.port);
    } catch (error) {
      request.answer(false);
      inner.end();
      throw error;
    }
    request.answer(true);
    await joinStreams(inner, target);
  };
  serve().catch((error: unknown) => {
    if (!isAppError(error)) throw error;
    report(error.message);
  });
  return outer;
}
