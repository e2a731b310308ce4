/**
 * A session's recorder under the cluster's policy. Strict: without a recorder there is no session. Best effort: the
 * session goes on, and one event tells that from here on nothing of it is recorded.
 * @module
 */
import { isAppError } from "../base/errors.ts";
import type { EventFields } from "../model/event.ts";
import type { RecordingPolicy } from "../model/recording_policy.ts";
import type { Tap } from "./pump.ts";
import type { EndFields, Recorder } from "./recorder.ts";
import type { Spool } from "./spool.ts";

/** A host on which sessions may be recorded. */
export interface RecordingHost {
  /** What it is: it records when the policy says that such hosts do. */
  readonly recordsAs: "node" | "proxy";
  /** What is recorded. */
  recording(): RecordingPolicy;
  readonly spool: Spool;
}

export interface SessionRecorder extends Tap {
  event(fields: EventFields): void;
  /** Settles when the end is on disk; in a best-effort session also when nothing is recorded any more. */
  end(fields: EndFields): Promise<void>;
}

/**
 * @param onFailure the session must end, for this reason; never called in a best-effort session
 * @param report sends an event of this session
 * @returns undefined when nothing is to be recorded
 * @throws {AppError} when a strict session cannot be recorded
 */
export async function startRecorder(
  host: RecordingHost,
  sid: string,
  onFailure: (error: Error) => void,
  report: (event: EventFields) => void,
): Promise<SessionRecorder | undefined> {
  const { by, mode } = host.recording();
  if (by !== host.recordsAs) return undefined;
  if (mode === "strict") return await host.spool.begin(sid, { onFailure });
  const gap = (error: Error) => report({ event: "session.gap", success: false, error: error.message });
  try {
    return new Lenient(await host.spool.begin(sid, { onFailure: gap }));
  } catch (error) {
    if (!isAppError(error)) throw error;
    gap(error);
    return undefined;
  }
}

/** A recorder whose failure ends nothing. */
class Lenient implements SessionRecorder {
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  print(chunk: Uint8Array): Promise<void> | undefined {
    return this.#recorder.failure ? undefined : this.#recorder.print(chunk);
  }

  event(fields: EventFields): void {
    if (!this.#recorder.failure) this.#recorder.event(fields);
  }

  async end(fields: EndFields): Promise<void> {
    try {
      if (!this.#recorder.failure) await this.#recorder.end(fields);
    } catch (error) {
      if (!this.#recorder.failure) throw error; // else the gap is reported already
    }
  }
}
