/**
 * What `-L`, `-R` and `-D` say, as ssh(1) describes it: ports, addresses (IPv6 in brackets) and paths of sockets.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";

/** Where something listens or is reached: an address and port, or a socket of the file system. */
export type Place = { host: string; port: number } | { path: string };

export interface Forward {
  /** `host` is "" when none was named, and "*" for all addresses. */
  listen: Place;
  /** `socks`: whoever connects says where to, in SOCKS 4 or 5. */
  target: Place | "socks";
}

const FORMS = {
  L: "-L [bind:]port:host:hostport, -L [bind:]port:socket or -L socket:host:hostport",
  R: "-R [bind:]port:host:hostport, -R socket:host:hostport or -R [bind:]port",
  D: "-D [bind:]port",
} as const;

/**
 * Parses the value of one of the three flags.
 * @throws {AppError} bad_input, naming the forms
 */
export function parseForward(flag: "L" | "R" | "D", text: string): Forward {
  const wrong = () => new AppError("bad_input", `"${text}" is not a forwarding; write ${FORMS[flag]}`);
  const fields = split(text);
  if (!fields) throw wrong();
  const [listen, rest] = takePlace(fields, true) ?? [];
  if (!listen || !rest) throw wrong();
  if (rest.length === 0) {
    if (flag === "L" || "path" in listen) throw wrong();
    return { listen, target: "socks" };
  }
  if (flag === "D") throw wrong();
  const [target, end] = takePlace(rest, false) ?? [];
  if (!target || !end || end.length > 0) throw wrong();
  return { listen, target };
}

/** Parses `host:port` of `-W`. @throws {AppError} bad_input */
export function parseHostPort(text: string): { host: string; port: number } {
  const [place, rest] = takePlace(split(text) ?? [], false) ?? [];
  if (!place || "path" in place || rest?.length !== 0) {
    throw new AppError("bad_input", `"${text}" is not an address; write host:port`);
  }
  return place;
}

/** How a place is shown to people. */
export function showPlace(place: Place): string {
  if ("path" in place) return place.path;
  return place.host.includes(":") ? `[${place.host}]:${place.port}` : `${place.host}:${place.port}`;
}

/** The fields between colons; brackets hold colons together, a backslash takes the next character as it is. */
function split(text: string): string[] | undefined {
  const fields: string[] = [];
  const pattern = /(?:\[([^\]]*)\]|((?:\\.|[^:\\[\]])*))(:|$)/gy;
  while (pattern.lastIndex <= text.length) {
    const match = pattern.exec(text);
    if (!match) return undefined;
    fields.push(match[1] ?? (match[2] ?? "").replace(/\\(.)/g, "$1"));
    if (match[3] === "") return fields;
  }
  return undefined;
}

/**
 * Takes a place from the front of the fields.
 * @param listening a place to listen on may leave its host out
 */
function takePlace(fields: string[], listening: boolean): [Place, string[]] | undefined {
  const [first, second] = fields;
  if (first === undefined) return undefined;
  if (first.startsWith("/")) return [{ path: first }, fields.slice(1)];
  const alone = listening ? port(first, true) : undefined;
  // `8080:9090:...` starts with a port; `localhost:8080:...` with an address.
  if (alone !== undefined) return [{ host: "", port: alone }, fields.slice(1)];
  const number = second === undefined ? undefined : port(second, listening);
  if (number === undefined) return undefined;
  if (!listening && first === "") return undefined;
  return [{ host: listening && first === "" ? "*" : first, port: number }, fields.slice(2)];
}

function port(text: string, zero: boolean): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const number = Number(text);
  return number > 65535 || number === 0 && !zero ? undefined : number;
}
