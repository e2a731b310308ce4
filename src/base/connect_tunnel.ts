/**
 * Connections through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6), after which the proxy only moves bytes.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { dialForTls, dialTcp, formatHostPort, type HostPort } from "./dial.ts";
import { AppError } from "./errors.ts";
import type { ConnectProxy } from "./proxy_choice.ts";

/** A proxy's answer is a few lines. */
const MAX_ANSWER = 16 * 1024;
const TIMEOUT_MS = 10_000;

/**
 * Connects to `target` through a proxy.
 * @param dial opens the connection to the proxy
 * @throws {AppError} unavailable or timeout, naming proxy and target
 */
export async function dialThrough(
  proxy: ConnectProxy,
  target: HostPort,
  timeoutMs = TIMEOUT_MS,
  dial = proxy.tls ? dialForTls : dialTcp,
): Promise<Socket> {
  const tcp = await dial(proxy.host, proxy.port, timeoutMs).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, `${error.message} (the HTTP proxy on the way to ${target.host})`, {
      cause: error,
    });
  });
  const where = `the HTTP proxy ${formatHostPort(proxy)}`;
  let socket = tcp;
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    tcp.destroy();
    const text = `${where} did not connect to ${formatHostPort(target)} within ${timeoutMs / 1000} seconds`;
    deadline.reject(new AppError("timeout", text));
  }, timeoutMs);
  try {
    if (proxy.tls) socket = await Promise.race([wrapped(tcp, proxy.host, where), deadline.promise]);
    const answer = readAnswer(socket, where);
    socket.write(requestText(proxy, target));
    checkAnswer(await Promise.race([answer, deadline.promise]), where, target);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function requestText({ login }: ConnectProxy, target: HostPort): string {
  const authority = formatHostPort(target);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (login !== undefined) lines.push(`Proxy-Authorization: Basic ${Buffer.from(login).toString("base64")}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function wrapped(socket: Socket, host: string, where: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({ socket, servername: host });
    const failed = (error: Error) =>
      reject(new AppError("unavailable", `no TLS with ${where}: ${error.message}`, { cause: error }));
    tls.once("error", failed);
    tls.once("secureConnect", () => {
      tls.off("error", failed);
      resolve(tls);
    });
  });
}

/** The answer's head. What follows it stays in the stream: a server behind may have spoken already. */
function readAnswer(socket: Socket, where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const fail = (why: string) => {
      done();
      reject(new AppError("unavailable", `${where} ${why}`));
    };
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return received.length > MAX_ANSWER ? fail("answers too much to be one") : undefined;
      done();
      socket.pause();
      const rest = received.subarray(end + 4);
      if (rest.length > 0) socket.unshift(rest);
      resolve(received.subarray(0, end).toString("latin1"));
    };
    const onEnd = () => fail("closed the connection without an answer");
    const onError = (error: Error) => fail(`broke the connection: ${error.message}`);
    const done = () => {
      socket.off("data", onData);
      socket.off("end", onEnd);
      socket.off("error", onError);
    };
    socket.on("data", onData);
    socket.on("end", onEnd);
    socket.on("error", onError);
  });
}

/** @throws {AppError} unavailable unless the proxy says that the tunnel stands */
function checkAnswer(head: string, where: string, target: HostPort): void {
  const [line = ""] = head.split("\r\n");
  const [, code, reason = ""] = /^HTTP\/1\.[01] (\d{3})(?: ([\x20-\x7e]{0,100}))?/.exec(line) ?? [];
  if (code === undefined) throw new AppError("unavailable", `${where} does not speak HTTP`);
  if (code.startsWith("2")) return;
  const why = code === "407"
    ? "it wants a login: write it into the variable, as http://user:password@host:port"
    : `${code} ${reason}`.trim();
  throw new AppError("unavailable", `${where} does not connect to ${formatHostPort(target)}: ${why}`);
}
