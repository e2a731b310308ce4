/**
 * The recordings of this host until the auth server has them: made here, shipped while they are made, found again after a
 * crash.
 * @module
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../base/clock.ts";
import { AppError, messageOf } from "../base/errors.ts";
import { isUuid } from "../model/name.ts";
import { LocalRecording } from "./local_recording.ts";
import { Recorder } from "./recorder.ts";
import type { Sealer } from "./seal.ts";
import { Shipper } from "./shipper.ts";
import { Slots } from "./slots.ts";
import type { SpoolFiles } from "./spool_files.ts";

const DEFAULT_MAX_BYTES = 4 * 1024 ** 3;
const DEFAULT_GATHER_MS = 200;
const RECOVERIES_AT_ONCE = 4;
const INTERRUPTED = "the recording host stopped during the session";

export interface SpoolOptions {
  directory: string;
  files: SpoolFiles;
  clock: Clock;
  /** Signs the ends of recordings; without one they are not sealed. */
  sealer?(): Sealer;
  /** Opens the channel of subsystem `recording:<sid>` to the auth server. */
  openUpload(sid: string): Promise<Duplex>;
  /** For the operator: a recording was set aside, or its upload keeps failing. */
  warn(message: string): void;
  /** The auth server has all of it and the files here are gone. */
  onShipped?(sid: string): void;
  /** How much may wait here before sessions are refused, 4 GiB by default. */
  maxBytes?: number;
  /** How long small pieces of a running session are gathered for one upload, 200 ms by default. */
  gatherMs?: number;
  /** From 0 to 1: spreads retries. */
  random?: () => number;
}

interface Shipping {
  recording: LocalRecording;
  shipper: Shipper;
  done: Promise<void>;
}

/** One directory of recordings. */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #slots = new Slots(RECOVERIES_AT_ONCE);
  readonly #shipping = new Map<string, Shipping>();
  /** Bytes of files that no shipper works on, by name. */
  readonly #resting: Map<string, number>;
  readonly #starting = new Set<string>();
  #closed = false;

  private constructor(options: SpoolOptions, resting: Map<string, number>) {
    this.#options = options;
    this.#resting = resting;
  }

  /** Opens the directory, creating it if need be. Call `recover` when the auth server can be reached. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory, files } = options;
    await files.makeDirectory(directory);
    const resting = new Map<string, number>();
    for (const name of await files.names(directory)) {
      const info = await files.size(`${directory}/${name}`);
      if (info) resting.set(name, info.size);
    }
    return new Spool(options, resting);
  }

  /** Bytes waiting here, running sessions and those set aside included. */
  get size(): number {
    let total = 0;
    for (const size of this.#resting.values()) total += size;
    for (const { recording: { sizes } } of this.#shipping.values()) total += sizes.bytes + sizes.log;
    return total;
  }

  /** How many recordings are on their way to the auth server, those of running sessions included. */
  get shipping(): number {
    return this.#shipping.size;
  }

  /**
   * Starts recording a session and shipping it.
   * @param session its `onFailure` is called once when recording fails: the session must end
   * @throws {AppError} limit when the spool is full, unavailable when the files cannot be created: no session then
   */
  async begin(sid: string, session: { onFailure(error: AppError): void }): Promise<Recorder> {
    const { directory, files, clock, sealer, maxBytes = DEFAULT_MAX_BYTES } = this.#options;
    if (this.#closed) throw new AppError("closed", "this host is stopping and records no more sessions");
    if (this.size >= maxBytes) {
      throw new AppError(
        "limit",
        `recordings of ${maxBytes} bytes wait on this host for the auth server; no session can be recorded until some ` +
          `are shipped`,
      );
    }
    const recording = new LocalRecording(sid, this.#options);
    this.#starting.add(sid);
    try {
      const recorder = await Recorder.open({
        directory,
        sid,
        files,
        clock,
        sealer,
        onFailure: (error) => session.onFailure(error),
        onWritten: (written) => recording.grow(written),
      });
      recorder.closed.then(() => {
        if (recorder.failure) recording.interrupt(recorder.failure.message);
        else recording.end();
      });
      this.#ship(recording);
      return recorder;
    } finally {
      this.#starting.delete(sid);
    }
  }

  /**
   * Finds recordings without a recorder, left by a crash or a stop, and starts shipping them.
   * @returns how many there were
   */
  async recover(): Promise<number> {
    const { directory, files } = this.#options;
    if (this.#closed) throw new AppError("closed", "this host is stopping and ships no more recordings");
    const sids = new Set<string>();
    for (const name of (await files.names(directory)).sort()) {
      const match = /^(.{36})\.session\.(bytes|log|done)$/.exec(name);
      const sid = match?.[1];
      if (sid === undefined || !isUuid(sid) || this.#shipping.has(sid) || this.#starting.has(sid)) continue;
      if (match?.[2] === "done") await this.#finishRemoval(sid, sids);
      else sids.add(sid);
    }
    for (const sid of sids) {
      const recording = new LocalRecording(sid, this.#options);
      recording.grow({ bytes: this.#rest(`${sid}.session.bytes`), log: this.#rest(`${sid}.session.log`) });
      recording.interrupt(INTERRUPTED);
      this.#ship(recording, this.#slots);
    }
    return sids.size;
  }

  /** Resolves when no upload is running or waiting. */
  async settled(): Promise<void> {
    while (this.#shipping.size > 0) {
      await Promise.all([...this.#shipping.values()].map(({ done }) => done));
    }
  }

  /** Stops all uploads; what is not shipped stays for the next `recover`. Running recorders go on. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { shipper } of this.#shipping.values()) shipper.stop();
    await this.settled();
  }

  #ship(recording: LocalRecording, slots?: Slots): void {
    const { openUpload, clock, warn, random = Math.random, gatherMs = DEFAULT_GATHER_MS } = this.#options;
    const shipper = new Shipper({ recording, openUpload, clock, warn, random, gatherMs, slots });
    const done = this.#finish(recording, shipper).finally(() => this.#shipping.delete(recording.sid));
    this.#shipping.set(recording.sid, { recording, shipper, done });
    if (this.#closed) shipper.stop();
  }

  async #finish(recording: LocalRecording, shipper: Shipper): Promise<void> {
    const { warn, onShipped } = this.#options;
    const { sid } = recording;
    try {
      const shipment = await shipper.run();
      if (shipment.outcome === "shipped") {
        await recording.remove();
        onShipped?.(sid);
        return;
      }
      const bad = shipment.outcome === "set_aside" ? ".bad" : "";
      if (shipment.outcome === "set_aside") {
        warn(`the recording of session ${sid} is set aside as ${sid}.session.*.bad: ${shipment.reason}`);
        await recording.setAside();
      }
      this.#resting.set(`${sid}.session.bytes${bad}`, recording.sizes.bytes);
      this.#resting.set(`${sid}.session.log${bad}`, recording.sizes.log);
    } catch (error) {
      warn(`the files of the recording of session ${sid} cannot be moved or removed: ${messageOf(error)}`);
    }
  }

  /** A crash came while a shipped recording was removed. */
  async #finishRemoval(sid: string, sids: Set<string>): Promise<void> {
    const { directory, files, warn } = this.#options;
    try {
      for (const part of ["bytes", "done"]) {
        await files.remove(`${directory}/${sid}.session.${part}`);
        this.#rest(`${sid}.session.${part}`);
      }
      sids.delete(sid);
    } catch (error) {
      warn(`the shipped recording of session ${sid} cannot be removed: ${messageOf(error)}`);
    }
  }

  /** Takes a file out of those at rest. */
  #rest(name: string): number {
    const size = this.#resting.get(name) ?? 0;
    this.#resting.delete(name);
    return size;
  }
}
