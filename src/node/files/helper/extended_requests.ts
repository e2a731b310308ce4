/**
 * OpenSSH's extensions that only tell something.
 * @module
 */
import { writeFileSystem, writeLimits } from "../../../ssh/sftp/extended_answer.ts";
import { PacketWriter } from "../../../ssh/sftp/packet_writer.ts";
import { MAX_DATA, MAX_PACKET, Status } from "../../../ssh/sftp/protocol.ts";
import type { NamesRequest } from "../../../ssh/sftp/request.ts";
import { groupName, userName } from "./account_names.ts";
import { fileSystem } from "./calls.ts";
import { MAX_HANDLES } from "./handles.ts";
import { homeOf } from "./resolve_path.ts";
import { pathOf, type SftpSession } from "./sftp_session.ts";

const ST_RDONLY = 1n, ST_NOSUID = 2n;

export function tellLimits({ answers }: SftpSession, id: number): void {
  const limits = { packet: MAX_PACKET, read: MAX_DATA, write: MAX_DATA, openHandles: MAX_HANDLES };
  answers.extended(id, (writer) => writeLimits(writer, limits));
}

export function tellFileSystem(
  { answers, handles }: SftpSession,
  id: number,
  of: { path?: Uint8Array; handle?: Uint8Array },
): void {
  const target = of.path ? pathOf(of.path) : handles.file(of.handle ?? new Uint8Array())?.fd;
  if (target === undefined) return answers.status(id, of.path ? Status.BAD_MESSAGE : Status.FAILURE);
  const numbers = fileSystem(target);
  if (typeof numbers === "number") return answers.result(id, numbers);
  const at = (index: number) => numbers[index] ?? 0n;
  answers.extended(id, (writer) =>
    writeFileSystem(writer, {
      blockSize: at(0),
      fragmentSize: at(1),
      blocks: at(2),
      freeBlocks: at(3),
      availableBlocks: at(4),
      files: at(5),
      freeFiles: at(6),
      availableFiles: at(7),
      id: at(8),
      readOnly: (at(9) & ST_RDONLY) !== 0n,
      noSetuid: (at(9) & ST_NOSUID) !== 0n,
      longestName: at(10),
    }));
}

export function tellHome({ answers }: SftpSession, id: number, user: Uint8Array): void {
  const home = homeOf(user);
  if (home) answers.name(id, home);
  else answers.status(id, Status.FAILURE, "No such user");
}

export function tellNames({ answers }: SftpSession, id: number, request: NamesRequest): void {
  const users = names(request.users, userName), groups = names(request.groups, groupName);
  if (users.length + groups.length > MAX_DATA) {
    return answers.status(id, Status.FAILURE, "Too many ids at once");
  }
  answers.extended(id, (writer) => writer.string(users).string(groups));
}

function names(ids: readonly number[], name: (id: number) => string | undefined): Uint8Array {
  const writer = new PacketWriter();
  for (const id of ids) {
    if (writer.length > MAX_DATA) break;
    writer.string(name(id) ?? "");
  }
  return writer.bytes();
}
