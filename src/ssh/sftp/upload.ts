/**
 * Files and folders to another machine, by sftp. Several files are under way at once. After a failure the remote file is
 * cut to what arrived without a gap, so that the upload can be resumed.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { shownName } from "../transfer/file_name.ts";
import type { LocalFiles, LocalInfo } from "../transfer/local_files.ts";
import { locally, type Summary, TransferReport } from "../transfer/report.ts";
import { WorkPool } from "../transfer/work_pool.ts";
import { FileType, fileType, OWNER_ALL, OWNER_WRITE, PLAIN_PERMISSIONS } from "./attributes.ts";
import type { SftpClient } from "./client.ts";
import type { SftpFile, SftpWriter } from "./file.ts";
import { OpenFlag } from "./protocol.ts";
import {
  DEFAULT_PARALLEL,
  Inside,
  MAX_DEPTH,
  NOTHING,
  type SftpTransferOptions,
  type Started,
  within,
} from "./transfer.ts";

/**
 * Uploads `source` as `target`, which is the new file or folder itself. Problems with single files are told to the caller
 * and counted.
 * @throws {AppError} when there is nothing to begin with, or the session ends
 */
export async function upload(
  client: SftpClient,
  files: LocalFiles,
  source: string,
  target: string,
  options: SftpTransferOptions = {},
): Promise<Summary> {
  const info = await locally("read", source, () => files.info(source));
  if (!info) throw new AppError("not_found", `${shownName(source)}: no such file or directory`);
  const work = new Upload(client, files, options);
  const { done } = await work.take(source, target, info, 0);
  await done;
  return work.report.summary;
}

class Upload {
  readonly #client: SftpClient;
  readonly #files: LocalFiles;
  readonly #options: SftpTransferOptions;
  readonly #pool: WorkPool;
  readonly report: TransferReport;

  constructor(client: SftpClient, files: LocalFiles, options: SftpTransferOptions) {
    this.#client = client;
    this.#files = files;
    this.#options = options;
    this.#pool = new WorkPool(options.parallel ?? DEFAULT_PARALLEL);
    this.report = new TransferReport(options);
  }

  async take(source: string, target: string, info: LocalInfo, depth: number): Promise<Started> {
    this.report.check();
    try {
      if (info.kind === "directory") return await this.#directory(source, target, info, depth);
      if (info.kind === "file") return await this.#pool.start(() => this.#file(source, target, info));
      throw new AppError("unsupported", `${shownName(source)}: not a regular file`);
    } catch (error) {
      this.report.problem(source, error);
      return NOTHING;
    }
  }

  async #directory(source: string, target: string, info: LocalInfo, depth: number): Promise<Started> {
    if (!this.#options.recursive) {
      throw new AppError("bad_input", `${shownName(source)}: is a directory; copy it with -r`);
    }
    if (depth >= MAX_DEPTH) {
      throw new AppError("limit", `${shownName(source)}: folders are nested too deeply`);
    }
    const bits = info.mode & PLAIN_PERMISSIONS;
    const made = await this.#makeDirectory(target, bits | OWNER_ALL);
    const inside = new Inside();
    for await (const name of this.#files.names(source)) {
      const path = within(source, name);
      const found = await this.#info(path);
      if (!found) continue;
      inside.add(await this.take(path, within(target, name), found, depth + 1));
    }
    const finish = async () => {
      await inside.finished();
      const { preserve } = this.#options;
      const times = preserve ? { accessed: info.accessed, modified: info.modified } : undefined;
      const mode = preserve || made && bits !== (bits | OWNER_ALL) ? bits : undefined;
      if (times || mode !== undefined) await this.#client.setAttributes(target, { mode, times });
    };
    const done = finish().catch((error) => this.report.problem(source, error));
    done.catch(() => {}); // whoever waits sees it
    return { done };
  }

  async #info(path: string): Promise<LocalInfo | undefined> {
    try {
      const info = await locally("read", path, () => this.#files.info(path));
      if (!info) throw new AppError("not_found", `${shownName(path)}: leads to nothing`);
      return info;
    } catch (error) {
      this.report.problem(path, error);
      return undefined;
    }
  }

  /** @returns true when it was not there before */
  async #makeDirectory(target: string, mode: number): Promise<boolean> {
    const there = await this.#client.stat(target);
    if (!there) await this.#client.makeDirectory(target, mode);
    else if (fileType(there.mode) !== FileType.DIRECTORY) {
      throw new AppError("already_exists", `${shownName(target)} is no folder`);
    }
    this.report.summary.directories++;
    return !there;
  }

  async #file(source: string, target: string, info: LocalInfo): Promise<void> {
    try {
      const local = await locally("read", source, () => this.#files.openToRead(source));
      try {
        const start = this.#options.resume ? await this.#there(target, info.size) : 0;
        const truncate = start > 0 ? 0 : OpenFlag.TRUNCATE;
        const mode = info.mode & PLAIN_PERMISSIONS;
        const remote = await this.#client.open(
          target,
          OpenFlag.WRITE | OpenFlag.CREATE | truncate,
          mode | OWNER_WRITE,
        );
        try {
          if (start > 0) await locally("read", source, () => local.seek(start));
          await this.#copy(source, (into) => local.read(into), remote, target, start, info);
        } finally {
          await remote.close();
        }
      } finally {
        local.close();
      }
      this.report.summary.files++;
    } catch (error) {
      this.report.problem(source, error);
    }
  }

  /** How much of the file an earlier try has left. */
  async #there(target: string, size: number): Promise<number> {
    const there = (await this.#client.stat(target))?.size ?? 0;
    if (there <= size) return there;
    throw new AppError(
      "conflict",
      `cannot resume ${shownName(target)}: it is larger than the file it should be a part of`,
    );
  }

  async #copy(
    source: string,
    read: (into: Uint8Array) => Promise<number>,
    remote: SftpFile,
    target: string,
    start: number,
    info: LocalInfo,
  ): Promise<void> {
    const buffer = new Uint8Array(remote.pieces.write);
    const writer = remote.writer(start);
    const tell = this.report.file(source, target, start, info.size);
    try {
      for (;;) {
        this.report.check();
        const count = await locally("read", source, () => fill(buffer, read));
        if (count === 0) break;
        await writer.write(buffer.subarray(0, count));
        tell(count);
        if (count < buffer.length) break;
      }
      await writer.finish();
    } catch (error) {
      await cut(remote, writer);
      throw error;
    }
    if (!this.#options.preserve) return;
    const times = { accessed: info.accessed, modified: info.modified };
    await remote.setAttributes({ mode: info.mode & PLAIN_PERMISSIONS, times });
  }
}

/** Reads until the buffer is full: the server gets pieces of one size. */
async function fill(buffer: Uint8Array, read: (into: Uint8Array) => Promise<number>): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const count = await read(buffer.subarray(filled));
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** What lies behind a gap is worth nothing to a later try. */
async function cut(remote: SftpFile, writer: SftpWriter): Promise<void> {
  try {
    await remote.setAttributes({ size: writer.arrived });
  } catch (error) {
    if (!(error instanceof AppError)) throw error; // the failure that led here is the one to tell
  }
}
