/**
 * Files to another machine by the scp protocol, whose `scp -t` takes them.
 * @module
 */
import type { ClientSession } from "../channel.ts";
import { AppError } from "../../base/errors.ts";
import { shownName } from "../transfer/file_name.ts";
import type { LocalFile, LocalFiles, LocalInfo } from "../transfer/local_files.ts";
import { locally, type Summary, type TransferOptions, TransferReport } from "../transfer/report.ts";
import { END_LINE, formatRecord, formatTimes, GOOD } from "./lines.ts";
import { ScpPeer } from "./peer.ts";
import { finish } from "./finish.ts";

export interface ScpOptions extends TransferOptions {
  /** Milliseconds without a sign of life, until the session is given up. */
  stallMs?: number;
}

const PIECE = 256 * 1024;
const MAX_DEPTH = 64;
const encoder = new TextEncoder();

/**
 * Uploads files and folders over a session that runs {@link scpCommand} `sink`. Problems with single files are told to
 * the caller and counted.
 * @throws {AppError} when the session ends
 */
export async function uploadByScp(
  session: ClientSession,
  files: LocalFiles,
  sources: readonly string[],
  options: ScpOptions = {},
): Promise<Summary> {
  const peer = new ScpPeer(session.stream, options.stallMs);
  const source = new Source(peer, files, options);
  return await finish(session, peer, source.report, async () => {
    await source.greet();
    for (const path of sources) await source.send(path, 0);
    await source.end();
  });
}

class Source {
  readonly #peer: ScpPeer;
  readonly #files: LocalFiles;
  readonly #options: ScpOptions;
  readonly #buffer = new Uint8Array(PIECE);
  readonly report: TransferReport;

  constructor(peer: ScpPeer, files: LocalFiles, options: ScpOptions) {
    this.#peer = peer;
    this.#files = files;
    this.#options = options;
    this.report = new TransferReport(options);
  }

  /** Waits until the other side is ready. */
  async greet(): Promise<void> {
    const problem = await this.#peer.response();
    if (problem !== undefined) throw new AppError("unavailable", problem);
  }

  async end(): Promise<void> {
    await this.#peer.end();
  }

  async send(path: string, depth: number): Promise<void> {
    this.report.check();
    try {
      const info = await locally("read", path, () => this.#files.info(path));
      if (!info) throw new AppError("not_found", `${shownName(path)}: no such file or directory`);
      if (info.kind === "directory") await this.#directory(path, info, depth);
      else if (info.kind === "file") await this.#file(path, info);
      else throw new AppError("unsupported", `${shownName(path)}: not a regular file`);
    } catch (error) {
      this.report.problem(path, error);
    }
  }

  /** @throws {AppError} when the other side does not want it */
  async #announce(record: Uint8Array, info: LocalInfo): Promise<void> {
    if (this.#options.preserve) await this.#ask(formatTimes(info));
    await this.#ask(record);
  }

  async #ask(line: Uint8Array): Promise<void> {
    await this.#peer.send(line);
    await this.#answer();
  }

  async #answer(): Promise<void> {
    const problem = await this.#peer.response();
    if (problem !== undefined) throw new AppError("unavailable", problem);
  }

  async #directory(path: string, info: LocalInfo, depth: number): Promise<void> {
    if (!this.#options.recursive) {
      throw new AppError("bad_input", `${shownName(path)}: is a directory; copy it with -r`);
    }
    if (depth >= MAX_DEPTH) throw new AppError("limit", `${shownName(path)}: folders are nested too deeply`);
    await this.#announce(formatRecord("directory", info.mode, 0, nameOf(path)), info);
    this.report.summary.directories++;
    try {
      for await (const name of this.#files.names(path)) {
        await this.send(`${path.replace(/\/$/, "")}/${name}`, depth + 1);
      }
    } finally {
      await this.#ask(END_LINE); // it has begun over there, so it has to end, whatever happened
    }
  }

  async #file(path: string, info: LocalInfo): Promise<void> {
    const local = await locally("read", path, () => this.#files.openToRead(path));
    try {
      await this.#announce(formatRecord("file", info.mode, info.size, nameOf(path)), info);
      const failure = await this.#data(local, path, info.size);
      if (failure) await this.#peer.warn(failure.message);
      else await this.#peer.send(Uint8Array.of(GOOD));
      const problem = await this.#peer.response();
      if (failure) throw failure;
      if (problem !== undefined) throw new AppError("unavailable", problem);
      this.report.summary.files++;
    } finally {
      local.close();
    }
  }

  /** Sends exactly as much as was announced. @returns what went wrong here; zeros take the place of the data then */
  async #data(local: LocalFile, path: string, size: number): Promise<AppError | undefined> {
    const tell = this.report.file(path, path, 0, size);
    let failure: AppError | undefined;
    for (let left = size; left > 0;) {
      this.report.check();
      const piece = this.#buffer.subarray(0, Math.min(left, PIECE));
      const count = failure ? 0 : await this.#read(local, path, piece).catch((error: AppError) => {
        failure = error;
        return 0;
      });
      if (count === 0) piece.fill(0);
      const filled = count > 0 ? piece.subarray(0, count) : piece;
      await this.#peer.send(filled);
      left -= filled.length;
      tell(filled.length);
    }
    return failure;
  }

  async #read(local: LocalFile, path: string, into: Uint8Array): Promise<number> {
    const count = await locally("read", path, () => local.read(into));
    if (count > 0) return count;
    throw new AppError("conflict", `${shownName(path)}: became shorter while it was read`);
  }
}

function nameOf(path: string): Uint8Array {
  return encoder.encode(/([^/]+)\/*$/.exec(path)?.[1] ?? "/");
}
