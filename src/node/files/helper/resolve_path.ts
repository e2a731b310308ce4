/**
 * Paths made absolute and free of links, as OpenSSH's sftp-server answers realpath: the last part need not exist.
 * @module
 */
import { lookupUser } from "../../os/user.ts";
import { cPath, ELOOP, ENAMETOOLONG, ENOENT, readLink, realPath, workingDirectory } from "./calls.ts";

const SLASH = 0x2f, DOT = 0x2e, TILDE = 0x7e;
const MAX_LINKS = 40;
const PATH_MAX = 4096;
const encoder = new TextEncoder();

/** @returns the path, or a negative error number */
export function resolvePath(path: Uint8Array, links = 0): Uint8Array | number {
  if (path.length >= PATH_MAX) return -ENAMETOOLONG;
  const found = realPath(cPath(path.length === 0 ? Uint8Array.of(DOT) : path));
  if (found !== -ENOENT) return found;
  if (links > MAX_LINKS) return -ELOOP;
  const slash = path.lastIndexOf(SLASH);
  const last = path.subarray(slash + 1);
  if (last.length === 0 || isDots(last)) return -ENOENT; // with a slash at its end it would have to be a folder
  const parent = slash < 0 ? Uint8Array.of(DOT) : path.subarray(0, Math.max(slash, 1));
  const folder = realPath(cPath(parent));
  if (typeof folder === "number") return folder;
  const whole = join(folder, last);
  if (whole.length >= PATH_MAX) return -ENAMETOOLONG;
  const says = readLink(cPath(whole));
  if (typeof says === "number") return whole;
  return resolvePath(says[0] === SLASH ? says : join(folder, says), links + 1); // a link that leads to nothing
}

/** `~`, `~/...` and `~user/...`, then as {@link resolvePath}. */
export function expandPath(path: Uint8Array): Uint8Array | number {
  if (path[0] !== TILDE) return resolvePath(path);
  const slash = path.indexOf(SLASH);
  const end = slash < 0 ? path.length : slash;
  const home = end === 1 ? workingDirectory() : homeOf(path.subarray(1, end));
  return home === undefined ? -ENOENT : resolvePath(join(home, path.subarray(end)));
}

/** The home directory of an account, by the bytes of its name. */
export function homeOf(name: Uint8Array): Uint8Array | undefined {
  const user = lookupUser(new TextDecoder().decode(name));
  return user && encoder.encode(user.home);
}

/** `folder/name`, with one slash between them. */
export function join(folder: Uint8Array, name: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = folder.length > 0 && folder.at(-1) === SLASH ? folder.subarray(0, -1) : folder;
  const rest = name[0] === SLASH ? name.subarray(1) : name;
  const path = new Uint8Array(start.length + 1 + rest.length);
  path.set(start);
  path[start.length] = SLASH;
  path.set(rest, start.length + 1);
  return path;
}

function isDots(name: Uint8Array): boolean {
  return name.length <= 2 && name.every((byte) => byte === DOT);
}
