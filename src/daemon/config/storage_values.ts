/**
 * How single values of `teleport.storage` are read.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";

const ETCD_PORT = 2379;

/** `https://host[:port]`, as etcd's members are named. @throws {AppError} bad_input */
export function parsePeer(text: string): string {
  const url = URL.parse(text);
  const plain = url && url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "" &&
    url.password === "" && url.hostname !== "";
  if (!plain || !["https:", "http:"].includes(url.protocol)) {
    throw new AppError("bad_input", `${quote(text)} is no member of etcd; write https://host[:${ETCD_PORT}]`);
  }
  if (url.protocol === "http:") {
    throw new AppError("bad_input", `${quote(text)}: etcd is used over TLS only; write https://`);
  }
  return `https://${url.hostname}:${url.port || portOf(text)}`;
}

/** The URL parser drops a port that is the scheme's own. */
function portOf(text: string): number {
  return /:443\/?$/.test(text) ? 443 : ETCD_PORT;
}

/** A prefix of keys: `teleport` or `/teleport/prod`. @throws {AppError} bad_input */
export function parseKeyPrefix(text: string): string {
  const prefix = text.replace(/\/+$/, "");
  if (/^\/?[\w.-]+(?:\/[\w.-]+)*$/.test(prefix) && prefix.length <= 256) return prefix;
  throw new AppError(
    "bad_input",
    `${quote(text)} is no prefix of keys such as "teleport" or "/teleport/prod"`,
  );
}

/** The name of a region or a table. @throws {AppError} bad_input */
export function parseAwsName(text: string): string {
  if (/^[A-Za-z0-9_.-]{3,255}$/.test(text)) return text;
  throw new AppError(
    "bad_input",
    `${quote(text)} is no name: use 3 to 255 letters, digits, dots, hyphens, underscores`,
  );
}

/** `https://host[:port]` of a service. @throws {AppError} bad_input */
export function parseEndpoint(text: string): string {
  const url = URL.parse(text);
  const plain = url && ["https:", "http:"].includes(url.protocol) && url.pathname === "/" &&
    url.search === "" &&
    url.hash === "" && url.username === "" && url.password === "";
  if (plain) return url.origin;
  throw new AppError("bad_input", `${quote(text)} is no address of a service; write https://host[:port]`);
}
