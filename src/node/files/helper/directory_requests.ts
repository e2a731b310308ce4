/**
 * Listing directories.
 * @module
 */
import { Status } from "../../../ssh/sftp/protocol.ts";
import type { NamedFile } from "../../../ssh/sftp/response.ts";
import { cPath, EMFILE, fileInfo, nextNames, openDirectory } from "./calls.ts";
import type { OpenDirectory } from "./handles.ts";
import { longName } from "./long_name.ts";
import { reportRefusal } from "./path_requests.ts";
import { attributesOf, pathOf, type SftpSession } from "./sftp_session.ts";

/** As OpenSSH's server. */
const NAMES_PER_ANSWER = 100;

export function openListing(session: SftpSession, id: number, path: Uint8Array): void {
  const { answers, handles } = session;
  const name = pathOf(path);
  if (!name) return answers.status(id, Status.BAD_MESSAGE);
  const fd = handles.full ? -EMFILE : openDirectory(name);
  if (fd < 0) {
    reportRefusal(session, "list", path, fd);
    return answers.result(id, fd);
  }
  answers.handle(id, handles.add({ type: "directory", fd, path: path.slice(), waiting: [] }));
}

export function nextListing({ answers, handles }: SftpSession, id: number, handle: Uint8Array): void {
  const directory = handles.directory(handle);
  if (!directory) return answers.status(id, Status.FAILURE, "Invalid handle");
  const files: NamedFile[] = [];
  const now = Date.now() / 1000;
  while (files.length < NAMES_PER_ANSWER) {
    const failed = fill(directory);
    if (failed < 0 && files.length === 0) return answers.result(id, failed);
    const name = directory.waiting.pop();
    if (name === undefined) break;
    const info = fileInfo(cPath(name), false, directory.fd);
    if (typeof info === "number") continue; // removed meanwhile
    files.push({ name, longName: longName(info, name, now), attributes: attributesOf(info) });
  }
  if (files.length === 0) answers.status(id, Status.EOF);
  else answers.names(id, files);
}

/** Reads more names when none wait. @returns a negative error number when that fails */
function fill(directory: OpenDirectory): number {
  if (directory.waiting.length > 0) return 0;
  const names = nextNames(directory.fd);
  if (typeof names === "number") return names;
  directory.waiting = names.reverse(); // taken from the end
  return 0;
}
