/**
 * Files of another machine, by the sftp protocol. Paths are text; relative ones start at the login's home.
 * @module
 */
import type { Duplex } from "node:stream";
import { AppError } from "../../base/errors.ts";
import { isPlainName, shownName } from "../transfer/file_name.ts";
import { succeeded, unexpected } from "./answer.ts";
import type { Attributes } from "./attributes.ts";
import { type ConnectionOptions, SftpConnection } from "./connection.ts";
import { decodeFileSystem, decodeLimits, decodeNames, type FileSystem } from "./extended_answer.ts";
import { SftpFile } from "./file.ts";
import { decodeText } from "./packet_reader.ts";
import { Extension, MAX_DATA, OpenFlag, SAFE_DATA, Status } from "./protocol.ts";
import type { OnPair, PathRequest, Request } from "./request.ts";
import type { NamedFile } from "./response.ts";

/** One entry of a folder. Its name is plain: it can stand behind a folder of ours. */
export interface DirectoryEntry {
  name: string;
  /** The line of `ls -l`, for people. */
  longName: string;
  /** Of a link itself, not of what it leads to. */
  attributes: Attributes;
}

const encoder = new TextEncoder();

export class SftpClient {
  readonly #connection: SftpConnection;
  /** The largest pieces of data that the server reads and writes. */
  readonly #pieces = { read: SAFE_DATA, write: SAFE_DATA };

  private constructor(connection: SftpConnection) {
    this.#connection = connection;
  }

  /**
   * Begins on a stream that leads to an sftp server, such as the one of `client.subsystem("sftp")`.
   * @throws {AppError} when there is no sftp server, or it does not answer in time
   */
  static async start(stream: Duplex, options?: ConnectionOptions): Promise<SftpClient> {
    const client = new SftpClient(await SftpConnection.start(stream, options));
    if (client.can(Extension.limits)) {
      const { read, write } = decodeLimits(await client.#extended("learn the limits", { type: "limits" }));
      client.#pieces.read = Math.min(read || SAFE_DATA, MAX_DATA);
      client.#pieces.write = Math.min(write || SAFE_DATA, MAX_DATA);
    }
    return client;
  }

  /** True when the server announced an extension. */
  can(extension: string): boolean {
    return this.#connection.extensions.has(extension);
  }

  close(): void {
    this.#connection.close();
  }

  /** What a path leads to; undefined when there is nothing. */
  async stat(path: string): Promise<Attributes | undefined> {
    return await this.#stat("stat", path);
  }

  /** As {@link stat}, but of a link itself. */
  async lstat(path: string): Promise<Attributes | undefined> {
    return await this.#stat("lstat", path);
  }

  async #stat(type: "stat" | "lstat", path: string): Promise<Attributes | undefined> {
    const response = await this.#connection.request({ type, path: bytes(path) });
    if (response.type === "attributes") return response.attributes;
    if (response.type === "status" && response.status === Status.NO_SUCH_FILE) return undefined;
    throw unexpected(`look at ${shownName(path)}`, response);
  }

  async setAttributes(path: string, attributes: Attributes): Promise<void> {
    await this.#succeed(`change ${shownName(path)}`, { type: "setstat", path: bytes(path), attributes });
  }

  /**
   * The entries of a folder, without `.` and `..`, as they come.
   * @param onRefused told of names that cannot stand behind a folder; without it they end the listing
   * @throws {AppError}
   */
  async *list(path: string, onRefused?: (error: AppError) => void): AsyncGenerator<DirectoryEntry> {
    const what = `list ${shownName(path)}`;
    const handle = await this.#handle(what, { type: "opendir", path: bytes(path) });
    try {
      for (;;) {
        const response = await this.#connection.request({ type: "readdir", handle });
        if (response.type === "status" && response.status === Status.EOF) return;
        if (response.type !== "name") throw unexpected(what, response);
        // An answer without names would be asked for again, for ever.
        if (response.files.length === 0) {
          throw new AppError("bad_input", `cannot ${what}: the server sent nothing`);
        }
        for (const file of response.files) {
          if (isDots(file.name)) continue;
          const entry = toEntry(path, file);
          if (!(entry instanceof AppError)) yield entry;
          else if (onRefused) onRefused(entry);
          else throw entry;
        }
      }
    } finally {
      await this.#connection.request({ type: "close", handle }).catch(() => {}); // it only matters to the server
    }
  }

  /** @param mode before the server's mask is applied */
  async makeDirectory(path: string, mode?: number): Promise<void> {
    await this.#succeed(`make ${shownName(path)}`, {
      type: "mkdir",
      path: bytes(path),
      attributes: { mode },
    });
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#succeed(`remove ${shownName(path)}`, { type: "rmdir", path: bytes(path) });
  }

  async remove(path: string): Promise<void> {
    await this.#succeed(`remove ${shownName(path)}`, { type: "remove", path: bytes(path) });
  }

  /** Replaces what is at the new path, where the server can (all of OpenSSH's can); else that is an error. */
  async rename(path: string, target: string): Promise<void> {
    const type = this.can(Extension.posixRename) ? "posix-rename" : "rename";
    await this.#pair(`rename ${shownName(path)}`, type, path, target);
  }

  /** @param says what the link leads to */
  async symbolicLink(says: string, path: string): Promise<void> {
    await this.#pair(`make the link ${shownName(path)}`, "symlink", says, path);
  }

  async hardLink(path: string, target: string): Promise<void> {
    await this.#pair(`make the link ${shownName(target)}`, "hardlink", path, target);
  }

  async #pair(what: string, type: OnPair["type"], path: string, target: string): Promise<void> {
    await this.#succeed(what, { type, path: bytes(path), target: bytes(target) });
  }

  /** What a link says. */
  async readLink(path: string): Promise<string> {
    return await this.#name(`read the link ${shownName(path)}`, "readlink", path);
  }

  /** The path from the root, without links and dots. */
  async realPath(path: string): Promise<string> {
    return await this.#name(`find ${shownName(path)}`, "realpath", path);
  }

  /** As {@link realPath}, with `~` and `~user` at the start. A server that does not know them knows its own home. */
  async expandPath(path: string): Promise<string> {
    if (this.can(Extension.expandPath)) {
      return await this.#name(`find ${shownName(path)}`, "expand-path", path);
    }
    return await this.realPath(path === "~" ? "." : path.replace(/^~\/+/, ""));
  }

  async #name(what: string, type: PathRequest, path: string): Promise<string> {
    const response = await this.#connection.request({ type, path: bytes(path) });
    const [file] = response.type === "name" ? response.files : [];
    if (!file) throw unexpected(what, response);
    return decodeText(file.name);
  }

  /** @throws {AppError} unsupported where the server cannot tell */
  async fileSystem(path: string): Promise<FileSystem> {
    if (!this.can(Extension.statvfs)) {
      throw new AppError("unsupported", "the server cannot tell of its file systems");
    }
    const what = `look at the file system of ${shownName(path)}`;
    return decodeFileSystem(await this.#extended(what, { type: "statvfs", path: bytes(path) }));
  }

  /** The names of users and groups, in the order of the ids; empty where there is none. */
  async accountNames(users: number[], groups: number[]): Promise<{ users: string[]; groups: string[] }> {
    if (!this.can(Extension.usersGroupsById)) {
      return { users: users.map(() => ""), groups: groups.map(() => "") };
    }
    return decodeNames(await this.#extended("learn names", { type: "users-groups-by-id", users, groups }));
  }

  /**
   * Opens a file.
   * @param flags of {@link OpenFlag}
   * @param mode of a file that is made, before the server's mask is applied
   */
  async open(path: string, flags: number = OpenFlag.READ, mode?: number): Promise<SftpFile> {
    const request: Request = { type: "open", path: bytes(path), flags, attributes: { mode } };
    const handle = await this.#handle(`open ${shownName(path)}`, request);
    return new SftpFile(this.#connection, path, handle, this.#pieces);
  }

  async #handle(what: string, request: Request): Promise<Uint8Array> {
    const response = await this.#connection.request(request);
    if (response.type !== "handle") throw unexpected(what, response);
    return response.handle;
  }

  async #extended(what: string, request: Request): Promise<Uint8Array> {
    const response = await this.#connection.request(request);
    if (response.type !== "extended") throw unexpected(what, response);
    return response.data;
  }

  async #succeed(what: string, request: Request): Promise<void> {
    succeeded(what, await this.#connection.request(request));
  }
}

/** @throws {AppError} bad_input for a path that could not be meant */
function bytes(path: string): Uint8Array {
  if (path.includes("\0")) throw new AppError("bad_input", "a path must not hold NUL bytes");
  return encoder.encode(path);
}

function isDots(name: Uint8Array): boolean {
  return name.length > 0 && name.length <= 2 && name.every((byte) => byte === 0x2e);
}

function toEntry(path: string, { name, longName, attributes }: NamedFile): DirectoryEntry | AppError {
  const lossy = new TextDecoder();
  const refused = (why: string) =>
    new AppError(
      "bad_input",
      `${shownName(path)}: the server sent "${shownName(lossy.decode(name.subarray(0, 255)))}", ${why}`,
    );
  if (!isPlainName(name)) return refused("which is no name for a file");
  const text = lossy.decode(name);
  if (encoder.encode(text).length !== name.length || text.includes("\ufffd")) {
    return refused("which is not UTF-8");
  }
  return { name: text, longName: shownName(lossy.decode(longName)), attributes };
}
