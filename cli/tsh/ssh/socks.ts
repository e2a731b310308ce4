/**
 * The server's side of SOCKS 4, 4a and 5 (RFC 1928) for `-D`: whoever connects says where to. CONNECT only, no
 * authentication, as in OpenSSH.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers";
import { AppError } from "../../../src/base/errors.ts";

/** The longest request is far below. */
const MAX_REQUEST = 1024;
const TIMEOUT_MS = 30_000;

export interface SocksRequest {
  host: string;
  port: number;
  /** Tells the client how it went; what follows is the connection's. */
  answer(connected: boolean): void;
}

type Step =
  | { more: true }
  /** Say this and forget `used` bytes. */
  | { say: Buffer; used: number }
  | { host: string; port: number; used: number; version: 4 | 5 };

/** Reads one request. What the client sent beyond it goes back into the stream. @throws {AppError} bad_input or timeout */
export function readSocksRequest(stream: Duplex): Promise<SocksRequest> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    let greeted = false;
    const stop = () => {
      clearTimeout(timer);
      stream.off("data", onData).off("close", onClose).off("error", onClose);
    };
    const fail = (error: AppError) => {
      stop();
      stream.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new AppError("timeout", "a SOCKS client said nothing")), TIMEOUT_MS);
    const onClose = () => fail(new AppError("closed", "a SOCKS client went away"));
    const onData = (chunk: Uint8Array) => {
      held = Buffer.concat([held, chunk]);
      try {
        for (;;) {
          const step = nextStep(held, greeted);
          if ("more" in step) {
            if (held.length > MAX_REQUEST) throw new AppError("bad_input", "a SOCKS request is too long");
            return;
          }
          held = held.subarray(step.used);
          if ("say" in step) {
            greeted = true;
            stream.write(step.say);
            continue;
          }
          stop();
          stream.pause();
          if (held.length > 0) stream.unshift(Buffer.from(held));
          const { host, port, version } = step;
          return resolve({ host, port, answer: (connected) => stream.write(reply(version, connected)) });
        }
      } catch (error) {
        fail(error instanceof AppError ? error : new AppError("bad_input", "a SOCKS request cannot be read"));
      }
    };
    stream.on("data", onData).once("close", onClose).once("error", onClose);
  });
}

/** What the bytes so far ask for. @throws {AppError} bad_input */
export function nextStep(bytes: Buffer, greeted: boolean): Step {
  const [version, second = 0] = bytes;
  if (version === undefined) return { more: true };
  if (version === 4 && !greeted) return version4(bytes);
  if (version !== 5) throw new AppError("bad_input", `version ${version} is not SOCKS 4 or 5`);
  if (bytes.length < 2) return { more: true };
  if (greeted) return version5(bytes);
  if (bytes.length < 2 + second) return { more: true };
  if (!bytes.subarray(2, 2 + second).includes(0)) {
    throw new AppError("bad_input", "a SOCKS client insists on a password; none is needed");
  }
  return { say: Buffer.from([5, 0]), used: 2 + second };
}

/** `4 command port address user NUL [host NUL]` */
function version4(bytes: Buffer): Step {
  if (bytes.length < 9) return { more: true };
  if (bytes[1] !== 1) throw new AppError("bad_input", "SOCKS: only connections out are served");
  const userEnd = bytes.indexOf(0, 8);
  if (userEnd < 0) return { more: true };
  const port = bytes.readUInt16BE(2);
  const named = bytes.readUInt32BE(4) > 0 && bytes.readUInt32BE(4) < 256; // 0.0.0.x: version 4a
  if (!named) return { host: bytes.subarray(4, 8).join("."), port, used: userEnd + 1, version: 4 };
  const hostEnd = bytes.indexOf(0, userEnd + 1);
  if (hostEnd < 0) return { more: true };
  return { host: hostName(bytes.subarray(userEnd + 1, hostEnd)), port, used: hostEnd + 1, version: 4 };
}

/** RFC 1928 section 4 */
function version5(bytes: Buffer): Step {
  if (bytes.length < 5) return { more: true };
  if (bytes[1] !== 1) throw new AppError("bad_input", "SOCKS: only connections out are served");
  const [type, length = 0] = [bytes[3], bytes[4]];
  const start = type === 3 ? 5 : 4;
  const size = type === 1 ? 4 : type === 4 ? 16 : type === 3 ? length : undefined;
  if (size === undefined) throw new AppError("bad_input", `SOCKS: address type ${type} is not known`);
  if (bytes.length < start + size + 2) return { more: true };
  const address = bytes.subarray(start, start + size);
  const host = type === 1 ? address.join(".") : type === 3 ? hostName(address) : ipv6(address);
  return { host, port: bytes.readUInt16BE(start + size), used: start + size + 2, version: 5 };
}

function hostName(bytes: Buffer): string {
  const name = bytes.toString("latin1");
  if (!/^[\x21-\x7e]{1,255}$/.test(name)) throw new AppError("bad_input", "SOCKS: that is no host name");
  return name;
}

function ipv6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(":");
}

function reply(version: 4 | 5, connected: boolean): Buffer {
  if (version === 4) return Buffer.from([0, connected ? 90 : 91, 0, 0, 0, 0, 0, 0]);
  return Buffer.from([5, connected ? 0 : 1, 0, 1, 0, 0, 0, 0, 0, 0]);
}
