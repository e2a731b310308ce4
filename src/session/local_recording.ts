/**
 * A recording on the host that made it, on its way to the auth server: how much of it is on disk and whether more comes.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { partName, type PartSizes, type RecordingPart } from "./recording_format.ts";
import { repairRecording } from "./repair.ts";
import { Signal } from "./signal.ts";
import type { Sealer } from "./seal.ts";
import type { SpoolFiles } from "./spool_files.ts";

/** Both files of one session in the spool. */
export class LocalRecording {
  /** Raised when there is more, or no more will come. */
  readonly changed = new Signal();
  readonly #files: SpoolFiles;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #sealer: (() => Sealer) | undefined;
  #sizes: PartSizes = { bytes: 0, log: 0 };
  #good: PartSizes | undefined;
  #complete = false;
  #interruption: string | undefined;

  constructor(
    readonly sid: string,
    at: { files: SpoolFiles; directory: string; clock: Clock; sealer?(): Sealer },
  ) {
    this.#files = at.files;
    this.#directory = at.directory;
    this.#clock = at.clock;
    this.#sealer = at.sealer;
  }

  /** How much may be shipped. */
  get sizes(): Readonly<PartSizes> {
    return this.#sizes;
  }

  /** True when nothing will be added. */
  get complete(): boolean {
    return this.#complete;
  }

  /** True when it has no end and nobody is recording any more: `repair` it before shipping. */
  get interrupted(): boolean {
    return this.#interruption !== undefined;
  }

  /** More is on disk. */
  grow(sizes: PartSizes): void {
    this.#sizes = sizes;
    this.changed.notify();
  }

  /** All is on disk. */
  end(): void {
    this.#complete = true;
    this.changed.notify();
  }

  /** Nobody records it any more, and it has no end. */
  interrupt(reason: string): void {
    this.#interruption = reason;
    this.changed.notify();
  }

  /** Gives an interrupted recording its end. @throws {AppError} bad_input when its log is damaged */
  async repair(): Promise<void> {
    const repaired = await repairRecording({
      files: this.#files,
      directory: this.#directory,
      sid: this.sid,
      reason: this.#interruption ?? "",
      now: this.#clock.now(),
      sealer: this.#sealer,
    });
    this.#good = repaired.good;
    this.#sizes = repaired.sizes;
    this.#interruption = undefined;
    this.#complete = true;
  }

  /** True when a server that has `theirs` can hold the beginning of this recording. */
  accepts(theirs: PartSizes): boolean {
    // Lines added by a repair are ours alone until the first upload after it.
    const most = this.#good ?? this.#sizes;
    if (theirs.bytes > most.bytes || theirs.log > most.log) return false;
    this.#good = undefined;
    return true;
  }

  /** @param into where it is put; left out, new memory */
  async read(
    part: RecordingPart,
    offset: number,
    length: number,
    into?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array> {
    return await this.#files.read(this.#path(part), offset, length, into);
  }

  /** False when somebody removed or cut the files meanwhile. */
  async present(): Promise<boolean> {
    // Taken before looking: a running session grows meanwhile.
    const expected = this.#sizes;
    const bytes = await this.#files.size(this.#path("bytes"));
    const log = await this.#files.size(this.#path("log"));
    return bytes !== undefined && log !== undefined && bytes.size >= expected.bytes &&
      log.size >= expected.log;
  }

  /** Removes the files. A crash in between leaves a mark, so that the rest is not taken for a damaged recording. */
  async remove(): Promise<void> {
    const mark = `${this.#directory}/${this.sid}.session.done`;
    await this.#files.rename(this.#path("log"), mark);
    await this.#files.remove(this.#path("bytes"));
    await this.#files.remove(mark);
  }

  /** Keeps the files under other names, out of the way. */
  async setAside(): Promise<void> {
    for (const part of ["bytes", "log"] as const) {
      const path = this.#path(part);
      if (await this.#files.size(path)) await this.#files.rename(path, `${path}.bad`);
    }
  }

  #path(part: RecordingPart): string {
    return `${this.#directory}/${partName(this.sid, part)}`;
  }
}
