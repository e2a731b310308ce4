/**
 * `scp -t`: files from the client, as OpenSSH's scp takes them. Each file is reported.
 * @module
 */
import { isAppError } from "../../../base/errors.ts";
import {
  FileType,
  fileType,
  OWNER_ALL,
  OWNER_WRITE,
  PLAIN_PERMISSIONS,
} from "../../../ssh/sftp/attributes.ts";
import { parseScpLine, type ScpLine, type ScpTimes } from "../../../ssh/scp/lines.ts";
import { libc } from "../../os/libc.ts";
import { bytesOf, type ScpOptions } from "../plan.ts";
import {
  changeMode,
  changeModeOpen,
  changeTimes,
  changeTimesOpen,
  close,
  cPath,
  EACCES,
  ENOTDIR,
  fileInfo,
  makeDirectory,
  O_CREAT,
  O_WRONLY,
  open,
  openFileInfo,
  truncateOpen,
  write,
} from "./calls.ts";
import { errorText, type Reporter, shownText } from "./reporter.ts";
import { join } from "./resolve_path.ts";
import type { ScpChannel } from "./scp_channel.ts";
import { octal } from "./sftp_session.ts";

/** Set user id, set group id, sticky. */
const SPECIAL = 0o7000;

type Announced = Extract<ScpLine, { type: "file" | "directory" }>;

export class ScpSink {
  readonly #options: ScpOptions;
  readonly #channel: ScpChannel;
  readonly #reporter: Reporter;
  readonly #mask: number;

  constructor(options: ScpOptions, channel: ScpChannel, reporter: Reporter) {
    this.#options = options;
    this.#channel = channel;
    this.#reporter = reporter;
    const usual = libc().umask(0);
    // Only who asks for it gets files that run as their owner.
    this.#mask = options.preserve ? 0 : usual | SPECIAL;
    libc().umask(this.#mask & PLAIN_PERMISSIONS);
  }

  run(): void {
    const [first, ...more] = this.#options.paths;
    if (first === undefined || more.length > 0) throw this.#channel.fail("ambiguous target");
    const target = bytesOf(first);
    if (this.#options.toDirectory) {
      const info = fileInfo(cPath(target), true);
      const wrong = typeof info === "number" ? info : isDirectory(info.mode) ? 0 : -ENOTDIR;
      if (wrong < 0) {
        this.#reporter.done("write", target, wrong);
        throw this.#channel.fail(`${shownText(target)}: ${errorText(wrong)}`);
      }
    }
    this.#receive(target);
  }

  /** Takes what comes for one target: all of the session, or the inside of one directory. */
  #receive(target: Uint8Array): void {
    const channel = this.#channel;
    channel.good();
    const info = fileInfo(cPath(target), true);
    const intoDirectory = typeof info !== "number" && isDirectory(info.mode);
    let times: ScpTimes | undefined;
    for (;;) {
      const bytes = channel.line();
      if (bytes === undefined) return;
      channel.verbose("Sink", bytes);
      const line = this.#parse(bytes);
      switch (line.type) {
        case "error":
          channel.errors++;
          if (line.fatal) return;
          continue;
        case "end":
          channel.good();
          return;
        case "times":
          times = line.times;
          channel.good();
          continue;
      }
      const path = intoDirectory ? join(target, line.name) : target;
      if (line.type === "file") this.#file(path, line, times);
      else this.#directory(path, line, times);
      times = undefined;
    }
  }

  #parse(bytes: Uint8Array): ScpLine {
    try {
      return parseScpLine(bytes);
    } catch (error) {
      if (isAppError(error)) throw this.#channel.fail(error.message);
      throw error;
    }
  }

  #mode(record: Announced): number {
    return record.mode & ~this.#mask;
  }

  #directory(path: Uint8Array, record: Announced, times: ScpTimes | undefined): void {
    const { recursive, preserve } = this.#options;
    if (!recursive) throw this.#channel.fail("protocol error: received directory without -r");
    const mode = this.#mode(record);
    const target = cPath(path);
    const info = fileInfo(target, true);
    const exists = typeof info !== "number";
    if (exists && !isDirectory(info.mode)) return this.#refuse("mkdir", path, -ENOTDIR);
    if (exists && preserve) changeMode(target, mode);
    if (!exists) {
      // Writable until it is filled, whatever it is to be later.
      const made = makeDirectory(target, mode | OWNER_ALL);
      if (made < 0) return this.#refuse("mkdir", path, made);
      this.#reporter.done("mkdir", path, 0, { change: `mode=${octal(mode)}` });
    }
    this.#receive(path);
    if (times) changeTimes(target, times.accessed, times.modified);
    if (!exists || preserve) changeMode(target, mode);
  }

  #refuse(action: "mkdir" | "write", path: Uint8Array, result: number): void {
    this.#reporter.done(action, path, result);
    this.#channel.warn(`${shownText(path)}: ${errorText(result)}`);
  }

  #file(path: Uint8Array, record: Extract<ScpLine, { type: "file" }>, times: ScpTimes | undefined): void {
    const channel = this.#channel;
    const before = fileInfo(cPath(path), true);
    const mode = this.#mode(record);
    const fd = open(cPath(path), O_WRONLY | O_CREAT, mode | OWNER_WRITE);
    if (fd < 0) return this.#refuse("write", path, fd);
    const info = openFileInfo(fd);
    if (typeof info !== "number" && this.#reporter.isReports(info)) {
      close(fd);
      return this.#refuse("write", path, -EACCES);
    }
    const opened = this.#reporter.opened("write", path, fd);
    channel.good();
    let failed = "";
    const keep = (result: number, what = "") => {
      if (result < 0) failed ||= `${shownText(path)}: ${what}${errorText(result)}`;
    };
    let written = 0;
    try {
      this.#copy(fd, record.size, keep, (count) => written += count);
      const regular = typeof before === "number" || fileType(before.mode) === FileType.REGULAR;
      if (!failed && regular) keep(truncateOpen(fd, record.size), "truncate: ");
      const exists = typeof before !== "number";
      if (this.#options.preserve || !exists) keep(changeModeOpen(fd, mode), "set mode: ");
      if (times && !failed) keep(changeTimesOpen(fd, times.accessed, times.modified), "set times: ");
      keep(close(fd));
    } finally {
      const changes = [
        `mode=${octal(mode)}`,
        times && `modified=${new Date(times.modified * 1000).toISOString()}`,
      ];
      this.#reporter.closed(opened, {
        len: written,
        change: changes.filter(Boolean).join(" "),
        error: failed || (written < record.size ? "the session ended before the whole file came" : undefined),
      });
    }
    channel.response();
    if (failed) channel.warn(failed);
    else channel.good();
  }

  /** Takes all of the data, also after a failure: what follows in the stream is the next line. */
  #copy(
    fd: number,
    size: number,
    keep: (result: number) => void,
    onWritten: (count: number) => void,
  ): void {
    let broken = false;
    for (let left = size; left > 0;) {
      let piece = this.#channel.take(left);
      if (piece.length === 0) throw this.#channel.fail("dropped connection");
      left -= piece.length;
      while (piece.length > 0 && !broken) {
        const count = write(fd, piece);
        keep(count);
        broken = count < 0;
        if (!broken) {
          onWritten(count);
          piece = piece.subarray(count);
        }
      }
    }
  }
}

function isDirectory(mode: number): boolean {
  return fileType(mode) === FileType.DIRECTORY;
}
