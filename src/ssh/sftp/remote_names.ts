/**
 * What the user named on another machine: wildcards there, and where a copy of something goes.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { compileGlob, expandBraces } from "../transfer/glob.ts";
import { FileType, fileType } from "./attributes.ts";
import type { SftpClient } from "./client.ts";

const MAX_FOUND = 100_000;

/**
 * The paths that a pattern fits, sorted; the pattern itself when it holds no wildcard. A backslash makes a wildcard
 * literal. Names that start with a dot are found by patterns that do.
 * @throws {AppError} not_found when nothing fits
 */
export async function findRemote(client: SftpClient, pattern: string): Promise<string[]> {
  const found: string[] = [];
  for (const choice of expandBraces(pattern)) found.push(...await findOne(client, choice));
  if (found.length === 0) throw new AppError("not_found", `${pattern}: no such file or directory`);
  return found;
}

async function findOne(client: SftpClient, pattern: string): Promise<string[]> {
  const parts = pattern.split("/");
  let paths = [parts[0] === "" && parts.length > 1 ? "" : undefined];
  for (const [index, part] of parts.entries()) {
    if (index === 0 && part === "" && parts.length > 1) continue; // an absolute path
    const glob = compileGlob(part);
    if (!glob.wild) {
      paths = paths.map((path) => joined(path, part.replace(/\\(.)/gsu, "$1")));
      continue;
    }
    const next: string[] = [];
    for (const path of paths) next.push(...await matches(client, path, glob.matches, part.startsWith(".")));
    if (next.length > MAX_FOUND) throw new AppError("limit", `${pattern} fits too many files`);
    paths = next.sort();
  }
  return paths.map((path) => path || (pattern.startsWith("/") ? "/" : "."));
}

async function matches(
  client: SftpClient,
  folder: string | undefined,
  fits: (name: string) => boolean,
  hidden: boolean,
): Promise<string[]> {
  const path = folder === undefined ? "." : folder || "/";
  const attributes = await client.stat(path);
  if (!attributes || fileType(attributes.mode) !== FileType.DIRECTORY) return [];
  const found: string[] = [];
  for await (const { name } of client.list(path, () => {})) {
    if (found.length > MAX_FOUND) break;
    if (fits(name) && (hidden || !name.startsWith("."))) found.push(joined(folder, name));
  }
  return found;
}

function joined(folder: string | undefined, name: string): string {
  return folder === undefined ? name : `${folder}/${name}`;
}

/** True when a path leads to a folder there. */
export async function isRemoteDirectory(client: SftpClient, path: string): Promise<boolean> {
  const attributes = await client.stat(path === "" ? "." : path);
  return attributes !== undefined && fileType(attributes.mode) === FileType.DIRECTORY;
}

/** The last part of a path: what a copy of it is called. */
export function baseName(path: string): string {
  return /([^/]+)\/*$/.exec(path)?.[1] ?? "/";
}
