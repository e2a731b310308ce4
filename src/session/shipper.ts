/**
 * Bringing one recording to the auth server, while it is made or after. Whatever breaks, the next attempt goes on where
 * the server says it stopped.
 * @module
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../base/clock.ts";
import { AppError, isAppError, messageOf } from "../base/errors.ts";
import type { LocalRecording } from "./local_recording.ts";
import type { PartSizes, RecordingPart } from "./recording_format.ts";
import type { Slots } from "./slots.ts";
import { UploadConnection } from "./upload_connection.ts";
import { FRAME } from "./upload_protocol.ts";

/** Data of one frame. */
const PIECE = 256 * 1024;
const OPEN_MS = 30_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** Failures in a row before the operator hears of it. */
const WARN_AFTER = 5;
/** So much new data is shipped at once instead of being gathered. */
const ENOUGH = 64 * 1024;

/** Memory for large pieces, which would be garbage after each. */
const spare: Uint8Array<ArrayBuffer>[] = [];
const MAX_SPARE = 4;

export interface ShipperOptions {
  recording: LocalRecording;
  /** Opens the channel of subsystem `recording:<sid>`. */
  openUpload(sid: string): Promise<Duplex>;
  clock: Clock;
  warn(message: string): void;
  /** From 0 to 1: spreads retries. */
  random(): number;
  /** How long small pieces of a running session are gathered, in milliseconds. */
  gatherMs: number;
  /** Bounds how many uploads run at once. */
  slots?: Slots;
}

/** How it went: the server has all of it, it must be set aside for the reason given, or `stop` was called. */
export type Shipment = { outcome: "shipped" | "stopped" } | { outcome: "set_aside"; reason: string };

const SERVER_HAS_MORE: Shipment = {
  outcome: "set_aside",
  reason: "the server has more of it than this host",
};

/** Ships one recording. */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #recording: LocalRecording;
  #connection: UploadConnection | undefined;
  #stopped = false;
  #failures = 0;
  /** What the server had at the last attempt. */
  #reached = -1;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#recording = options.recording;
  }

  /** Ships the recording, however often it must try. Never rejects. */
  async run(): Promise<Shipment> {
    const { slots } = this.#options;
    while (!this.#stopped) {
      try {
        return await (slots ? slots.use(() => this.#attempt()) : this.#attempt());
      } catch (error) {
        await this.#pause(error);
      }
    }
    return { outcome: "stopped" };
  }

  /** Ends `run` soon; the recording stays on disk. */
  stop(): void {
    this.#stopped = true;
    this.#connection?.close();
    this.#recording.changed.notify();
  }

  async #attempt(): Promise<Shipment> {
    if (this.#stopped) return { outcome: "stopped" };
    const damage = await this.#damage();
    if (damage) return { outcome: "set_aside", reason: damage };
    const connection = await this.#connect();
    this.#connection = connection;
    try {
      if (this.#stopped) return { outcome: "stopped" };
      const theirs = await connection.sizes();
      if (!this.#recording.accepts(theirs)) return SERVER_HAS_MORE;
      if (theirs.bytes + theirs.log > this.#reached) this.#failures = 0;
      this.#reached = theirs.bytes + theirs.log;
      return await this.#follow(connection, theirs);
    } finally {
      connection.close();
      this.#connection = undefined;
    }
  }

  /** Why this recording can never be shipped; repairs what can be repaired. */
  async #damage(): Promise<string | undefined> {
    try {
      if (this.#recording.interrupted) await this.#recording.repair();
    } catch (error) {
      if (isAppError(error, "bad_input")) return messageOf(error);
      throw error;
    }
    return await this.#recording.present() ? undefined : "its files are gone or shorter than they were";
  }

  async #connect(): Promise<UploadConnection> {
    const { clock, openUpload } = this.#options;
    const { changed, sid } = this.#recording;
    let stream: Duplex | undefined;
    let failure: AppError | undefined;
    let waiting = true;
    Promise.resolve(sid).then(openUpload).then((opened) => {
      stream = opened;
      if (!waiting) opened.on("error", () => {}).destroy();
    }, (cause) => {
      failure = new AppError("unavailable", `the upload cannot be opened: ${messageOf(cause)}`, { cause });
    }).finally(() => changed.notify());
    await changed.until(() => stream !== undefined || failure !== undefined || this.#stopped, {
      clock,
      ms: OPEN_MS,
    });
    waiting = false;
    if (stream) return new UploadConnection(stream, clock, changed);
    throw failure ?? new AppError("timeout", `the upload was not opened within ${OPEN_MS / 1000} seconds`);
  }

  /** Sends what there is and what comes, until the end. */
  async #follow(connection: UploadConnection, from: PartSizes): Promise<Shipment> {
    const recording = this.#recording;
    const sent = { ...from };
    for (;;) {
      if (recording.interrupted) {
        const damage = await this.#damage();
        if (damage) return { outcome: "set_aside", reason: damage };
        if (!recording.accepts(sent)) return SERVER_HAS_MORE;
      }
      const { sizes, complete } = recording;
      // Output first, as the recorder does: the server's log never speaks of output it does not have.
      await this.#send(connection, "bytes", sent, sizes);
      await this.#send(connection, "log", sent, sizes);
      if (complete) break;
      await this.#more(connection, sent);
      if (this.#stopped) return { outcome: "stopped" };
      if (connection.broken) throw connection.broken;
    }
    await connection.finish();
    return { outcome: "shipped" };
  }

  async #send(
    connection: UploadConnection,
    part: RecordingPart,
    sent: PartSizes,
    upTo: PartSizes,
  ): Promise<void> {
    while (sent[part] < upTo[part]) {
      const length = Math.min(PIECE, upTo[part] - sent[part]);
      const memory = length < ENOUGH ? undefined : spare.pop() ?? new Uint8Array(PIECE);
      const data = await this.#recording.read(part, sent[part], length, memory);
      if (data.length === 0) {
        throw new AppError("internal", `the ${part} file of the recording became shorter`);
      }
      await connection.send(FRAME[part], data);
      // After a failure the broken stream may still read it.
      if (memory && spare.length < MAX_SPARE) spare.push(memory);
      sent[part] += data.length;
    }
  }

  /** Waits for more to send, and a little longer when it is not much. */
  async #more(connection: UploadConnection, sent: PartSizes): Promise<void> {
    const recording = this.#recording;
    const { clock, gatherMs } = this.#options;
    const fresh = () => recording.sizes.bytes - sent.bytes + recording.sizes.log - sent.log;
    const over = () =>
      recording.complete || recording.interrupted || connection.broken !== undefined || this.#stopped;
    await recording.changed.until(() => fresh() > 0 || over());
    if (gatherMs > 0) {
      await recording.changed.until(() => fresh() >= ENOUGH || over(), { clock, ms: gatherMs });
    }
  }

  async #pause(error: unknown): Promise<void> {
    const { clock, random, warn } = this.#options;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures) * (0.5 + random() / 2);
    this.#failures++;
    if (this.#failures === WARN_AFTER) {
      const { sid } = this.#recording;
      warn(
        `the recording of session ${sid} waits on this host, its upload keeps failing: ${messageOf(error)}`,
      );
    }
    await this.#recording.changed.until(() => this.#stopped, { clock, ms: pause });
  }
}
