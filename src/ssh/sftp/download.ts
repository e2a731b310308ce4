/**
 * Files and folders from another machine, by sftp. Several files are under way at once. What is written is always the
 * beginning of the file, without gaps, so that an interrupted download can be resumed.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { shownName } from "../transfer/file_name.ts";
import type { LocalFile, LocalFiles } from "../transfer/local_files.ts";
import { locally, type Summary, TransferReport } from "../transfer/report.ts";
import { WorkPool } from "../transfer/work_pool.ts";
import {
  type Attributes,
  FileType,
  fileType,
  OWNER_ALL,
  OWNER_WRITE,
  PLAIN_PERMISSIONS,
} from "./attributes.ts";
import type { SftpClient } from "./client.ts";
import type { SftpFile } from "./file.ts";
import {
  DEFAULT_PARALLEL,
  Inside,
  MAX_DEPTH,
  NOTHING,
  type SftpTransferOptions,
  type Started,
  within,
} from "./transfer.ts";

const DEFAULT_FILE = 0o666, DEFAULT_DIRECTORY = 0o777;

/**
 * Downloads `source` as `target`, which is the new file or folder itself. Problems with single files are told to the
 * caller and counted.
 * @throws {AppError} when there is nothing to begin with, or the session ends
 */
export async function download(
  client: SftpClient,
  source: string,
  files: LocalFiles,
  target: string,
  options: SftpTransferOptions = {},
): Promise<Summary> {
  const attributes = await client.stat(source);
  if (!attributes) throw new AppError("not_found", `${shownName(source)}: no such file or directory`);
  const work = new Download(client, files, options);
  const { done } = await work.take(source, target, attributes, 0);
  await done;
  return work.report.summary;
}

class Download {
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

  async take(source: string, target: string, attributes: Attributes, depth: number): Promise<Started> {
    this.report.check();
    try {
      const type = fileType(attributes.mode);
      if (type === FileType.DIRECTORY) return await this.#directory(source, target, attributes, depth);
      // Servers may keep the type to themselves.
      if (type === FileType.REGULAR || type === 0) {
        return await this.#pool.start(() => this.#file(source, target, attributes));
      }
      throw new AppError("unsupported", `${shownName(source)}: not a regular file`);
    } catch (error) {
      this.report.problem(source, error);
      return NOTHING;
    }
  }

  async #directory(
    source: string,
    target: string,
    { mode, times }: Attributes,
    depth: number,
  ): Promise<Started> {
    if (!this.#options.recursive) {
      throw new AppError("bad_input", `${shownName(source)}: is a directory; copy it with -r`);
    }
    if (depth >= MAX_DEPTH) {
      throw new AppError("limit", `${shownName(source)}: folders are nested too deeply`);
    }
    const bits = (mode ?? DEFAULT_DIRECTORY) & PLAIN_PERMISSIONS;
    const made = await this.#makeDirectory(target, bits | OWNER_ALL);
    const inside = new Inside();
    // A listing may be endless: it can be stopped at each name, refused ones included.
    const refused = (error: AppError) => {
      this.report.check();
      this.report.problem(source, error);
    };
    for await (const entry of this.#client.list(source, refused)) {
      this.report.check();
      const path = within(source, entry.name);
      const attributes = await this.#behindLink(path, entry.attributes);
      if (!attributes) continue;
      inside.add(await this.take(path, within(target, entry.name), attributes, depth + 1));
    }
    const finish = async () => {
      await inside.finished();
      if (this.#options.preserve || made && bits !== (bits | OWNER_ALL)) {
        await this.#files.setMode(target, bits);
      }
      if (this.#options.preserve && times) await this.#files.setTimes(target, times.accessed, times.modified);
    };
    const done = locally("finish", target, finish).catch((error) => this.report.problem(source, error));
    done.catch(() => {}); // whoever waits sees it
    return { done };
  }

  /** @returns true when it was not there before */
  async #makeDirectory(target: string, mode: number): Promise<boolean> {
    const made = await locally("make", target, async () => {
      const info = await this.#files.info(target);
      if (info && info.kind !== "directory") {
        throw new AppError("already_exists", `${shownName(target)} is no folder`);
      }
      if (!info) await this.#files.makeDirectory(target, mode);
      return !info;
    });
    this.report.summary.directories++;
    return made;
  }

  /** A link to a file is taken for the file, as by scp; one to a folder is not followed, since it could lead anywhere. */
  async #behindLink(path: string, attributes: Attributes): Promise<Attributes | undefined> {
    if (fileType(attributes.mode) !== FileType.LINK) return attributes;
    try {
      const found = await this.#client.stat(path);
      if (!found) throw new AppError("not_found", `${shownName(path)}: leads to nothing`);
      if (fileType(found.mode) !== FileType.DIRECTORY) return found;
      throw new AppError("unsupported", `${shownName(path)}: a link to a folder is not followed`);
    } catch (error) {
      this.report.problem(path, error);
      return undefined;
    }
  }

  async #file(source: string, target: string, attributes: Attributes): Promise<void> {
    try {
      const remote = await this.#client.open(source);
      try {
        await this.#copy(remote, source, target, attributes);
      } finally {
        await remote.close();
      }
      this.report.summary.files++;
    } catch (error) {
      this.report.problem(source, error);
    }
  }

  async #copy(
    remote: SftpFile,
    source: string,
    target: string,
    { size = 0, mode, times }: Attributes,
  ): Promise<void> {
    if (!Number.isSafeInteger(size)) {
      throw new AppError("bad_input", `${shownName(source)}: the server tells a size that no file has`);
    }
    const bits = (mode ?? DEFAULT_FILE) & PLAIN_PERMISSIONS;
    const local = await locally("write", target, () => this.#files.openToWrite(target, bits | OWNER_WRITE));
    try {
      const start = await locally("write", target, () => this.#begin(local, target, size));
      const tell = this.report.file(source, target, start, size);
      for await (const part of remote.readAll(start, size - start)) {
        this.report.check();
        await locally("write", target, () => local.write(part));
        tell(part.length);
      }
    } finally {
      local.close();
    }
    if (!this.#options.preserve) return;
    await locally("change", target, async () => {
      await this.#files.setMode(target, bits);
      if (times) await this.#files.setTimes(target, times.accessed, times.modified);
    });
  }

  /** @returns where the download begins: behind what is there already, or at 0 */
  async #begin(local: LocalFile, target: string, size: number): Promise<number> {
    const there = this.#options.resume ? (await this.#files.info(target))?.size ?? 0 : 0;
    if (there > size) {
      throw new AppError(
        "conflict",
        `cannot resume ${shownName(target)}: it is larger than the file it should be a part of`,
      );
    }
    if (there > 0) await local.seek(there);
    else await local.truncate(0);
    return there;
  }
}
