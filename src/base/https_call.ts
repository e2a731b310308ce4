/**
 * One HTTP call, through a proxy or not. node:https, because fetch cannot be told at run time to accept one certificate.
 * @module
 */
import { Buffer } from "node:buffer";
import { request as requestPlain } from "node:http";
import { request as requestTls, type RequestOptions } from "node:https";
import { isIP, type Socket } from "node:net";
import { dialThrough } from "./connect_tunnel.ts";
import { dialForTls, type HostPort } from "./dial.ts";
import type { ConnectProxy } from "./proxy_choice.ts";

export interface HttpCall extends HostPort {
  /** Where `host` was found to be; it is not looked up again. */
  address?: string;
  /** False for plain HTTP. */
  tls: boolean;
  method: "GET" | "POST";
  /** With the query. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  /** Accept any certificate. */
  insecure?: boolean;
  /** Certificates of authorities, PEM, in place of the system's. */
  ca?: string;
  proxy?: ConnectProxy;
  timeoutMs: number;
  /** Bytes of the answer. */
  maxBody: number;
}

export interface HttpAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

/** Makes a call. @throws {Error} what the network or TLS says; AppError of {@linkcode dialThrough} */
export async function httpCall(call: HttpCall): Promise<HttpAnswer> {
  const { proxy, timeoutMs } = call;
  const end = Date.now() + timeoutMs;
  const socket = proxy
    ? await dialThrough(proxy, call, timeoutMs, dialForTls)
    : await dialForTls(call.address ?? call.host, call.port, timeoutMs);
  try {
    return await answerOn(socket, call, Math.max(1, end - Date.now()));
  } finally {
    socket.destroy();
  }
}

function answerOn(socket: Socket, call: HttpCall, timeoutMs: number): Promise<HttpAnswer> {
  const { host, port, method, path, body, maxBody } = call;
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const options: RequestOptions & { socket?: Socket } = {
    host,
    port,
    method,
    path,
    headers: { connection: "close", ...call.headers, ...length },
    agent: false,
    // `socket` and not `createConnection`: with that, Deno 2.9.6 does not compare the certificate's names.
    ...(call.tls
      ? {
        socket,
        servername: isIP(host) ? undefined : host,
        rejectUnauthorized: call.insecure !== true,
        ca: call.ca,
      }
      : { createConnection: () => socket }),
  };
  return new Promise((resolve, reject) => {
    const request = call.tls ? requestTls(options) : requestPlain(options);
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    const timer = setTimeout(() => {
      fail(new Error("no answer in time"));
      request.destroy();
    }, timeoutMs);
    request.on("error", fail);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBody) return void chunks.push(chunk);
        fail(new Error("the answer is too large"));
        request.destroy();
      });
      response.on("error", fail);
      response.on("end", () => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    request.end(body);
  });
}
