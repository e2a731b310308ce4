/**
 * One end of a copy, as scp(1) reads it: `[user@]host:path`, `scp://[user@]host[:port][/path]`, or a local path.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";

export interface RemoteLocation {
  login: string | undefined;
  host: string;
  port: number;
  /** "" is the home folder. */
  path: string;
}

export type Location = { local: string } | RemoteLocation;

export function isRemote(location: Location): location is RemoteLocation {
  return "host" in location;
}

/** A colon makes it remote, unless a slash stands before it. @throws {AppError} bad_input */
export function parseLocation(text: string): Location {
  if (text === "") throw new AppError("bad_input", "an empty name is neither a file nor host:path");
  const uri = /^scp:\/\/(?:([^@/]+)@)?(\[[0-9A-Fa-f:.]+\]|[^:/@]+)(?::(\d{1,5}))?(?:\/(.*))?$/s.exec(text);
  if (uri) {
    const [, login, host = "", port, path = ""] = uri;
    return { login, host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? 0), path };
  }
  const match = /^(?:([^/:@]+(?:@[^/:@]+)*)@)?(\[[0-9A-Fa-f:.]+\]|[^/:[\]@]+):(.*)$/s.exec(text);
  if (!match) return { local: text };
  const [, login, host = "", path = ""] = match;
  if (host.startsWith("-")) throw new AppError("bad_input", `"${host}" is no host`);
  if (host.includes("=")) {
    throw new AppError("bad_input", `"${host}" are labels; files go to and from one node: name it`);
  }
  return { login, host: host.replace(/^\[|\]$/g, ""), port: 0, path };
}

/** What a copy of a local path is called in a folder. */
export function localBaseName(path: string): string {
  return /([^/]+)\/*$/.exec(path)?.[1] ?? "/";
}
