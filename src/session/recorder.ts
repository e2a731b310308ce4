/**
 * Recording one session to disk. What arrives while a write runs is gathered into the next one, so a flood of output
 * costs few writes. It fails closed: when a write fails the session is told once and nothing is accepted any more.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { AppError, messageOf } from "../base/errors.ts";
import type { EventFields, EventValue } from "../model/event.ts";
import { ChunkBuffer } from "./chunk_buffer.ts";
import { LogLines } from "./log_lines.ts";
import { Chain, type Sealer } from "./seal.ts";
import { partName, type PartSizes } from "./recording_format.ts";
import type { AppendFile, RecordingStore } from "./spool_files.ts";

/** Gathered and running writes each hold at most this much, so a recorder's queue ends at 1 MiB. */
const ROOM = 512 * 1024;

export interface RecorderOptions {
  directory: string;
  /** The session's id, a uuid. */
  sid: string;
  files: RecordingStore;
  clock: Clock;
  /** Signs the end; without one the recording is not sealed. */
  sealer?(): Sealer;
  /** Called once when a write fails: the session must end. */
  onFailure(error: AppError): void;
  /** Called when more of the recording is on disk. */
  onWritten?(written: PartSizes): void;
}

/** The fields of the session's end; its name and time are added. */
export type EndFields = { [field: string]: EventValue | undefined };

/** Writes the two files of one session. */
export class Recorder {
  readonly sid: string;
  readonly #options: RecorderOptions;
  readonly #bytesFile: AppendFile;
  readonly #logFile: AppendFile;
  readonly #chunks = new ChunkBuffer();
  readonly #lines: LogLines;
  readonly #encoder = new TextEncoder();
  #written: PartSizes = { bytes: 0, log: 0 };
  #pump: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #failure: AppError | undefined;
  #ending = false;
  readonly #closed = Promise.withResolvers<void>();

  private constructor(options: RecorderOptions, bytesFile: AppendFile, logFile: AppendFile) {
    this.sid = options.sid;
    this.#options = options;
    const { sid, sealer } = options;
    this.#lines = new LogLines(undefined, sealer && { chain: new Chain(), sid, sealer: () => sealer() });
    this.#bytesFile = bytesFile;
    this.#logFile = logFile;
  }

  /**
   * Creates both files.
   * @throws {AppError} unavailable when that fails, also when one of them exists
   */
  static async open(options: RecorderOptions): Promise<Recorder> {
    const { directory, files, sid } = options;
    try {
      const bytesFile = await files.create(`${directory}/${partName(sid, "bytes")}`);
      try {
        return new Recorder(options, bytesFile, await files.create(`${directory}/${partName(sid, "log")}`));
      } catch (error) {
        await bytesFile.close();
        throw error;
      }
    } catch (cause) {
      throw new AppError("unavailable", `cannot record session ${sid}: ${messageOf(cause)}`, { cause });
    }
  }

  /** What is on disk: whole lines, and all the output they speak of. */
  get written(): Readonly<PartSizes> {
    return this.#written;
  }

  /** Resolves when both files are closed: the end is on disk, or there is a failure. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** What made the recorder fail. */
  get failure(): AppError | undefined {
    return this.#failure;
  }

  /**
   * Records output. The chunk is copied, so the caller may reuse it.
   * @returns nothing when there is room for more, else a promise to wait for before the next call
   */
  print(chunk: Uint8Array): Promise<void> | undefined {
    const refused = this.#refuse();
    if (refused) return refused;
    if (chunk.length === 0) return undefined;
    this.#chunks.push(chunk);
    this.#lines.print(chunk, this.#options.clock.now());
    return this.#accepted();
  }

  /**
   * Records an event, in order with the output around it. Waiting is asked for as with `print`.
   * @throws {AppError} limit when it is too long for a line of the log
   */
  event(fields: EventFields): Promise<void> | undefined {
    const refused = this.#refuse();
    if (refused) return refused;
    this.#lines.event(fields, this.#options.clock.now());
    return this.#accepted();
  }

  /** Resolves when everything recorded so far is on disk. */
  async flush(): Promise<void> {
    await this.#pump;
    if (this.#failure) throw this.#failure;
  }

  /** Records the session's end, writes what is left and closes the files. Nothing is accepted after it. */
  async end(fields: EndFields): Promise<void> {
    const accepted = this.event({ ...fields, event: "session.end" });
    this.#ending = true;
    await accepted;
    await this.flush();
    try {
      await Promise.all([this.#bytesFile.close(), this.#logFile.close()]);
    } catch (error) {
      throw this.#fail(error);
    }
    this.#closed.resolve();
  }

  #refuse(): Promise<void> | undefined {
    if (this.#failure) return handled(Promise.reject(this.#failure));
    if (this.#ending) {
      return handled(
        Promise.reject(new AppError("closed", `the recording of session ${this.sid} has ended`)),
      );
    }
    if (this.#waiting() > 2 * ROOM) {
      const reason = "the session went on without waiting for its recorder";
      return handled(Promise.reject(this.#fail(new AppError("limit", reason))));
    }
    return undefined;
  }

  #waiting(): number {
    return this.#chunks.length + this.#lines.length;
  }

  #accepted(): Promise<void> | undefined {
    this.#pump ??= this.#write();
    if (this.#waiting() < ROOM) return undefined;
    this.#room ??= Promise.withResolvers();
    return handled(this.#room.promise);
  }

  async #write(): Promise<void> {
    // Chunks that arrive in the same turn belong to the first write already.
    await Promise.resolve();
    try {
      while (!this.#failure && this.#waiting() > 0) {
        const chunk = this.#chunks.take();
        const lines = this.#encoder.encode(this.#lines.take());
        this.#room?.resolve();
        this.#room = undefined;
        // Output first: a line never speaks of output that is not there yet.
        if (chunk.length > 0) await this.#bytesFile.write(chunk);
        await this.#logFile.write(lines);
        this.#written = { bytes: this.#written.bytes + chunk.length, log: this.#written.log + lines.length };
        this.#options.onWritten?.(this.#written);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#chunks.rest();
    this.#pump = undefined;
  }

  #fail(cause: unknown): AppError {
    if (this.#failure) return this.#failure;
    const failure = new AppError(
      "unavailable",
      `the recording of session ${this.sid} failed: ${messageOf(cause)}`,
      { cause },
    );
    this.#failure = failure;
    this.#room?.reject(failure);
    this.#room = undefined;
    this.#abandon();
    this.#options.onFailure(failure);
    return failure;
  }

  async #abandon(): Promise<void> {
    await this.#pump;
    // The first failure is the one to tell; that closing fails as well changes nothing.
    await Promise.allSettled([this.#bytesFile.close(), this.#logFile.close()]);
    this.#closed.resolve();
  }
}

/** A failure reaches the session through `onFailure` too, so a promise nobody waits for must not end the process. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}
