/**
 * How a transfer goes, for whoever started it: progress while it runs, and what became of it.
 * @module
 */
import { AppError, isAppError, osMessage } from "../../base/errors.ts";
import { shownName } from "./file_name.ts";

/** One file on its way. */
export interface Progress {
  /** Both paths are safe to show. */
  source: string;
  target: string;
  /** Bytes that are there, those of an earlier try included. */
  done: number;
  /** Bytes in all; 0 while that is not known. */
  total: number;
}

export interface TransferOptions {
  /** Folders with everything in them. */
  recursive?: boolean;
  /** Keeps modes and times. */
  preserve?: boolean;
  /** Called at the start of each file and with each piece. */
  onProgress?(progress: Progress): void;
  /** Called for what could not be transferred; the rest goes on. */
  onProblem?(problem: Problem): void;
  /** Ends the transfer. */
  signal?: AbortSignal;
}

export interface Problem {
  /** The file, as its side names it; safe to show. */
  path: string;
  /** An AppError, whose text is safe to show, unless there is a fault in the program. */
  error: unknown;
}

export interface Summary {
  files: number;
  directories: number;
  /** Bytes that were sent. */
  bytes: number;
  /** How many problems there were. */
  problems: number;
}

/** Counts, and tells the caller. */
export class TransferReport {
  readonly summary: Summary = { files: 0, directories: 0, bytes: 0, problems: 0 };
  readonly #options: TransferOptions;

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  /** Throws when the transfer is to end. */
  check(): void {
    if (this.#options.signal?.aborted) throw new AppError("closed", "the transfer was stopped");
  }

  /** @returns to be called with the number of bytes that have come to the file's beginning, `start` */
  file(source: string, target: string, start: number, total: number): (bytes: number) => void {
    const shown = { source: shownName(source), target: shownName(target) };
    let done = start;
    const tell = (bytes: number) => {
      done += bytes;
      this.summary.bytes += bytes;
      this.#options.onProgress?.({ ...shown, done, total });
    };
    tell(0);
    return tell;
  }

  /** Notes what failed with one file. What ends the whole session is thrown on. */
  problem(path: string, error: unknown): void {
    if (endsTransfer(error)) throw error;
    this.summary.problems++;
    this.#options.onProblem?.({ path: shownName(path), error });
  }
}

function endsTransfer(error: unknown): boolean {
  return isAppError(error, "closed") || isAppError(error, "timeout");
}

/** Does something with a local file. @throws {AppError} that names the path, whatever the system throws */
export async function locally<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isAppError(error)) throw error;
    throw new AppError("unavailable", `cannot ${what} ${shownName(path)}: ${shownName(osMessage(error))}`, {
      cause: error,
    });
  }
}
