/**
 * The other side's identification line (RFC 4253 section 4.2). ssh2 loses bytes when the line comes in three or more
 * pieces; here it is gathered first and handed over whole.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Protocol } from "./internals.ts";
import { ProtocolPrototype } from "./library.ts";

/** A line of 255 bytes, and what a server may say before it. A client may say nothing before. */
const MAX_CLIENT_LINE = 255, MAX_SERVER_LINES = 16 * 1024;

type Parse = (this: Protocol, chunk: Buffer, at: number, end: number) => void;
const parse = ProtocolPrototype.parse as Parse;
const gathered = new WeakMap<Protocol, Buffer>();

ProtocolPrototype.parse = function (this: Protocol, chunk: Buffer, at: number, end: number): void {
  if (this._remoteIdentRaw !== undefined) return parse.call(this, chunk, at, end);
  const held = gathered.get(this);
  const data = Buffer.concat([held ?? Buffer.alloc(0), chunk.subarray(at, end)]);
  if (isComplete(data, this._server)) {
    gathered.delete(this);
    return parse.call(this, data, 0, data.length);
  }
  if (data.length > (this._server ? MAX_CLIENT_LINE : MAX_SERVER_LINES)) {
    throw new Error("the identification line is too long");
  }
  gathered.set(this, data);
} satisfies Parse;

/** Whether the identification line has ended. ssh2 refuses a client whose first line is another one. */
function isComplete(data: Buffer, fromClient: boolean): boolean {
  if (fromClient) return data.includes(10);
  for (let start = 0; start >= 0 && start < data.length;) {
    const end = data.indexOf(10, start);
    if (end < 0) return false;
    if (data.subarray(start, start + 4).toString("latin1") === "SSH-") return true;
    start = end + 1;
  }
  return false;
}
