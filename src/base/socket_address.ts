/**
 * Internet addresses as the kernel takes them: `struct sockaddr_in` and `struct sockaddr_in6`.
 * @module
 */
import { isIP } from "node:net";
import { AppError } from "./errors.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

/** An address with its family. @throws {AppError} bad_input for what is no address, or has a zone */
export function socketAddress(ip: string, port: number): { family: number; bytes: Uint8Array<ArrayBuffer> } {
  const version = ip.includes("%") ? 0 : isIP(ip);
  if (version === 0) throw new AppError("bad_input", `"${ip}" is no internet address`);
  const family = version === 4 ? AF_INET : AF_INET6;
  const bytes = new Uint8Array(family === AF_INET ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true); // in the machine's order; port and address are in the network's
  view.setUint16(2, port);
  if (family === AF_INET) bytes.set(ip.split(".").map(Number), 4);
  else bytes.set(ipv6Bytes(ip), 8);
  return { family, bytes };
}

function ipv6Bytes(ip: string): Uint8Array {
  const canonical = new URL(`http://[${ip}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const groups = (text: string) => text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const all = [...left, ...Array(8 - left.length - right.length).fill(0), ...right];
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  all.forEach((group, i) => view.setUint16(i * 2, group));
  return bytes;
}
