/**
 * `scp -f`: files to the client, as OpenSSH's scp sends them. Each file is reported.
 * @module
 */
import { END_LINE, formatRecord, formatTimes, GOOD } from "../../../ssh/scp/lines.ts";
import { FileType, fileType, PERMISSIONS } from "../../../ssh/sftp/attributes.ts";
import { bytesOf, type ScpOptions } from "../plan.ts";
import {
  close,
  cPath,
  EACCES,
  type FileInfo,
  nextNames,
  O_NONBLOCK,
  O_RDONLY,
  open,
  openDirectory,
  openFileInfo,
  read,
} from "./calls.ts";
import { errorText, type Reporter, shownText } from "./reporter.ts";
import { join } from "./resolve_path.ts";
import type { ScpChannel } from "./scp_channel.ts";

const SLASH = 0x2f, DOT = 0x2e;
const PIECE = 256 * 1024;

export class ScpSource {
  readonly #options: ScpOptions;
  readonly #channel: ScpChannel;
  readonly #reporter: Reporter;
  readonly #buffer = new Uint8Array(PIECE);

  constructor(options: ScpOptions, channel: ScpChannel, reporter: Reporter) {
    this.#options = options;
    this.#channel = channel;
    this.#reporter = reporter;
  }

  run(): void {
    this.#channel.response(); // the client is ready
    for (const path of this.#options.paths) this.#send(withoutSlashes(bytesOf(path)));
  }

  #send(path: Uint8Array): void {
    // Not to wait for the other end of a pipe: only regular files are sent.
    const fd = open(cPath(path), O_RDONLY | O_NONBLOCK);
    if (fd < 0) return this.#refuse(path, fd);
    try {
      const info = openFileInfo(fd);
      if (typeof info === "number") return this.#refuse(path, info);
      if (this.#reporter.isReports(info)) return this.#refuse(path, -EACCES);
      const type = fileType(info.mode);
      if (type === FileType.DIRECTORY && this.#options.recursive) this.#directory(path, info);
      else if (type === FileType.REGULAR) this.#file(path, info, fd);
      else this.#channel.warn(`${shownText(path)}: not a regular file`);
    } finally {
      close(fd);
    }
  }

  #refuse(path: Uint8Array, result: number): void {
    this.#reporter.done("read", path, result);
    this.#channel.warn(`${shownText(path)}: ${errorText(result)}`);
  }

  /** @returns false when the client does not want what comes next */
  #announce(record: Uint8Array<ArrayBuffer>, info: FileInfo): boolean {
    if (this.#options.preserve) {
      this.#channel.send(formatTimes(info));
      if (!this.#channel.response()) return false;
    }
    this.#channel.verbose("Source", record.subarray(0, -1));
    this.#channel.send(record);
    return this.#channel.response();
  }

  #file(path: Uint8Array, info: FileInfo, fd: number): void {
    const record = formatRecord("file", info.mode & PERMISSIONS, info.size, lastPart(path));
    if (!this.#announce(record, info)) return;
    const opened = this.#reporter.opened("read", path, fd);
    let sent = 0;
    let failed = "";
    try {
      // After a failure zeros take the place of the data: the client counts on the announced size.
      while (sent < info.size) {
        const piece = this.#buffer.subarray(0, Math.min(PIECE, info.size - sent));
        const count = failed ? 0 : read(fd, piece);
        if (count <= 0) {
          failed ||= count < 0 ? errorText(count) : "became shorter while it was read";
          piece.fill(0);
        }
        const filled = count > 0 ? piece.subarray(0, count) : piece;
        this.#channel.send(filled);
        sent += filled.length;
      }
    } finally {
      const error = failed ||
        (sent < info.size ? "the session ended before the whole file was read" : undefined);
      this.#reporter.closed(opened, { len: sent, error });
    }
    if (failed) this.#channel.warn(`${shownText(path)}: ${failed}`);
    else this.#channel.send(Uint8Array.of(GOOD));
    this.#channel.response();
  }

  #directory(path: Uint8Array, info: FileInfo): void {
    const listing = openDirectory(cPath(path));
    if (listing < 0) return this.#refuse(path, listing);
    try {
      const record = formatRecord("directory", info.mode & PERMISSIONS, 0, lastPart(path));
      if (!this.#announce(record, info)) return;
      for (;;) {
        const names = nextNames(listing);
        if (typeof names === "number") this.#refuse(path, names);
        if (typeof names === "number" || names.length === 0) break;
        for (const name of names) {
          if (!isDots(name)) this.#send(join(path, name));
        }
      }
    } finally {
      close(listing);
    }
    this.#channel.send(END_LINE);
    this.#channel.response();
  }
}

function isDots(name: Uint8Array): boolean {
  return name.length <= 2 && name.every((byte) => byte === DOT);
}

function withoutSlashes(path: Uint8Array): Uint8Array {
  let end = path.length;
  while (end > 1 && path[end - 1] === SLASH) end--;
  return path.subarray(0, end);
}

function lastPart(path: Uint8Array): Uint8Array {
  return path.subarray(path.lastIndexOf(SLASH) + 1);
}
