/**
 * Files from another machine by the scp protocol, whose `scp -f` sends them. The other side chooses the names, so they are
 * held against what was asked for, and none leads out of the target (CVE-2019-6111, CVE-2018-20685). Links are never
 * made, so nothing is written through one that the other side invented.
 * @module
 */
import { AppError, isAppError } from "../../base/errors.ts";
import type { ClientSession } from "../channel.ts";
import { peerText } from "../peer_text.ts";
import { OWNER_ALL, OWNER_WRITE, PLAIN_PERMISSIONS } from "../sftp/attributes.ts";
import { shownName } from "../transfer/file_name.ts";
import { compileGlob, expandBraces } from "../transfer/glob.ts";
import type { LocalFile, LocalFiles } from "../transfer/local_files.ts";
import { locally, type Summary, TransferReport } from "../transfer/report.ts";
import { finish } from "./finish.ts";
import { parseScpLine, type ScpLine, type ScpTimes } from "./lines.ts";
import { ScpPeer } from "./peer.ts";
import type { ScpOptions } from "./upload.ts";

const PIECE = 256 * 1024;
const MAX_DEPTH = 64;

export interface ScpDownloadOptions extends ScpOptions {
  /** Takes whatever names come, as `scp -T`: for paths that only the shell over there understands. */
  trustNames?: boolean;
}

/**
 * Downloads over a session that runs {@link scpCommand} `source` for `asked`. Problems with single files are told to the
 * caller and counted.
 * @param target a folder that is there, or the new name
 * @throws {AppError} when the session ends, or the other side breaks the protocol or sends what nobody asked for
 */
export async function downloadByScp(
  session: ClientSession,
  files: LocalFiles,
  asked: string,
  target: string,
  options: ScpDownloadOptions = {},
): Promise<Summary> {
  const peer = new ScpPeer(session.stream, options.stallMs);
  const sink = new Sink(peer, files, asked, options);
  return await finish(session, peer, sink.report, () => sink.receive(target, 0));
}

type Announced = Extract<ScpLine, { type: "file" | "directory" }>;

class Sink {
  readonly #peer: ScpPeer;
  readonly #files: LocalFiles;
  readonly #asked: string;
  readonly #options: ScpDownloadOptions;
  readonly #isAskedFor: (name: string) => boolean;
  readonly report: TransferReport;

  constructor(peer: ScpPeer, files: LocalFiles, asked: string, options: ScpDownloadOptions) {
    this.#peer = peer;
    this.#files = files;
    this.#asked = asked;
    this.#options = options;
    this.#isAskedFor = options.trustNames ? () => true : askedFor(asked);
    this.report = new TransferReport(options);
  }

  /** Takes what comes for one target: all of the session, or the inside of one folder. */
  async receive(target: string, depth: number): Promise<void> {
    try {
      await this.#peer.good();
    } catch (error) {
      // A program that was gone before it was greeted has said all that it will: its status tells why.
      if (depth > 0 || !isAppError(error, "closed")) throw error;
    }
    const isFolder = (await locally("look at", target, () => this.#files.info(target)))?.kind === "directory";
    let times: ScpTimes | undefined;
    for (;;) {
      this.report.check();
      const bytes = await this.#peer.line();
      if (bytes === undefined) {
        if (depth > 0) throw new AppError("closed", "the other side ended in the middle of a folder");
        return;
      }
      const line = this.#parse(bytes);
      switch (line.type) {
        case "error": {
          const error = new AppError("unavailable", peerText(line.message) || "the other side failed");
          if (line.fatal) throw error;
          this.report.problem(this.#asked, error);
          continue;
        }
        case "end":
          await this.#peer.good();
          if (depth > 0) return;
          continue;
        case "times":
          times = line.times;
          await this.#peer.good();
          continue;
      }
      const name = this.#checkedName(line, depth);
      const path = isFolder ? `${target.replace(/\/$/, "")}/${name}` : target;
      if (line.type === "file") await this.#file(path, name, line, times);
      else await this.#directory(path, name, line, times, depth);
      times = undefined;
    }
  }

  #parse(bytes: Uint8Array): ScpLine {
    try {
      return parseScpLine(bytes);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      throw new AppError("bad_input", `${error.message}: the other side sent "${peerText(bytes)}"`);
    }
  }

  /** @throws {AppError} bad_input for a name that was not asked for */
  #checkedName(line: Announced, depth: number): string {
    const name = new TextDecoder().decode(line.name);
    if (name.includes("\ufffd")) {
      throw new AppError("unsupported", `the name ${shownName(name)} is not UTF-8`);
    }
    if (depth > 0 || this.#isAskedFor(name)) return name;
    const why = "which was not asked for; -T takes it nevertheless";
    throw new AppError("bad_input", `the other side sent ${shownName(name)}, ${why}`);
  }

  async #directory(
    path: string,
    name: string,
    record: Announced,
    times: ScpTimes | undefined,
    depth: number,
  ): Promise<void> {
    const { recursive, preserve } = this.#options;
    if (!recursive) {
      throw new AppError("bad_input", `the other side sent the folder ${shownName(name)} without -r`);
    }
    if (depth >= MAX_DEPTH) throw new AppError("limit", `${shownName(path)}: folders are nested too deeply`);
    const mode = record.mode & PLAIN_PERMISSIONS;
    let made: boolean;
    try {
      made = await this.#makeDirectory(path, mode | OWNER_ALL);
    } catch (error) {
      return await this.#refuse(path, error);
    }
    this.report.summary.directories++;
    await this.receive(path, depth + 1);
    try {
      await locally("change", path, async () => {
        if (preserve || made && mode !== (mode | OWNER_ALL)) await this.#files.setMode(path, mode);
        if (times && preserve) await this.#files.setTimes(path, times.accessed, times.modified);
      });
    } catch (error) {
      this.report.problem(path, error);
    }
  }

  /** @returns true when it was not there before */
  async #makeDirectory(path: string, mode: number): Promise<boolean> {
    return await locally("make", path, async () => {
      const info = await this.#files.info(path);
      if (info && info.kind !== "directory") {
        throw new AppError("already_exists", `${shownName(path)} is no folder`);
      }
      if (!info) await this.#files.makeDirectory(path, mode);
      return !info;
    });
  }

  /** Tells both sides of a failure on ours; the other one goes on with what comes next. */
  async #refuse(path: string, error: unknown): Promise<void> {
    this.report.problem(path, error);
    await this.#peer.warn(error instanceof AppError ? error.message : "failed");
  }

  async #file(
    path: string,
    name: string,
    record: Announced & { type: "file" },
    times: ScpTimes | undefined,
  ): Promise<void> {
    const mode = record.mode & PLAIN_PERMISSIONS;
    let local: LocalFile;
    try {
      local = await locally("write", path, () => this.#files.openToWrite(path, mode | OWNER_WRITE));
    } catch (error) {
      return await this.#refuse(path, error);
    }
    let failure: unknown;
    try {
      await this.#peer.good();
      failure = await this.#data(local, path, name, record.size);
    } finally {
      local.close();
    }
    const problem = await this.#peer.response();
    failure ??= problem === undefined ? undefined : new AppError("unavailable", problem);
    if (failure === undefined && this.#options.preserve) failure = await this.#finishFile(path, mode, times);
    if (failure !== undefined) return await this.#refuse(path, failure);
    this.report.summary.files++;
    await this.#peer.good();
  }

  async #finishFile(path: string, mode: number, times: ScpTimes | undefined): Promise<unknown> {
    try {
      await locally("change", path, async () => {
        await this.#files.setMode(path, mode);
        if (times) await this.#files.setTimes(path, times.accessed, times.modified);
      });
    } catch (error) {
      return error;
    }
  }

  /** Takes all of the data, also after a failure: what follows in the stream is the next line. @returns the failure */
  async #data(local: LocalFile, path: string, name: string, size: number): Promise<unknown> {
    const tell = this.report.file(name, path, 0, size);
    let failure: unknown;
    for (let left = size; left > 0;) {
      this.report.check();
      const piece = await this.#peer.take(Math.min(left, PIECE));
      if (piece.length === 0) throw new AppError("closed", "the other side ended in the middle of a file");
      left -= piece.length;
      if (failure === undefined) {
        failure = await failureOf(() => locally("write", path, () => local.write(piece)));
      }
      tell(piece.length);
    }
    return failure ?? await failureOf(() => locally("write", path, () => local.truncate(size)));
  }
}

async function failureOf(work: () => Promise<void>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
}

/** Whether a name may come for a path that was asked for: its last part, wildcards and braces understood. */
function askedFor(asked: string): (name: string) => boolean {
  const last = /([^/]*)\/*$/.exec(asked)?.[1] ?? "";
  const globs = expandBraces(last).map(compileGlob);
  return (name) => name === last || globs.some((glob) => glob.matches(name));
}
