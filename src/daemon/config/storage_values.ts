/**
 * How single values of `teleport.storage` are read.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { parseFileUri } from "./values.ts";

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

/** Where recordings are kept. */
export type SessionsPlace =
  | { kind: "directory"; path: string }
  /** `region` and `endpoint` when the address names them. */
  | { kind: "bucket"; bucket: string; prefix: string; region?: string; endpoint?: string };

/** `file:///path`, or `s3://bucket/prefix[?region=eu-west-1][&endpoint=https://host]`. @throws {AppError} bad_input */
export function parseSessionsUri(text: string): SessionsPlace {
  if (!/^s3:/i.test(text)) return { kind: "directory", path: parseFileUri(text) };
  const form = 's3://bucket/prefix, where needed with "?region=..." and "&endpoint=https://..."';
  const bad = () => new AppError("bad_input", `${quote(text)} is no bucket; write ${form}`);
  const [, bucket = "", path = "", query = ""] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(\/[^?#]*)?(\?[^#]*)?$/i
      .exec(text) ?? [];
  const prefix = path.replace(/^\/+|\/+$/g, "");
  if (bucket === "" || !/^[\w./-]*$/.test(prefix) || /\/\/|(^|\/)\.\.?(\/|$)/.test(prefix)) throw bad();
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) if (!["region", "endpoint"].includes(name)) throw bad();
  const [region, endpoint] = [parameters.get("region"), parameters.get("endpoint")];
  return {
    kind: "bucket",
    bucket: bucket.toLowerCase(),
    prefix,
    ...(region === null ? {} : { region: parseAwsName(region) }),
    ...(endpoint === null ? {} : { endpoint: parseEndpoint(endpoint) }),
  };
}
