/**
 * What a session channel asked for, handed to whatever runs it; and the host that runs it.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { AccessChecker } from "../model/access.ts";
import type { EventFields } from "../model/event.ts";
import type { UserIdentity } from "../model/identity.ts";
import type { PtyRequest, WindowSize } from "../ssh/channel.ts";
import type { LiveSessions } from "./live_sessions.ts";
import type { SessionJournal } from "./session_journal.ts";
import type { RecordingHost } from "./session_recorder.ts";

/** A host of sessions. */
export interface SessionHost extends RecordingHost {
  readonly clock: Clock;
  /** What users may do. */
  readonly access: SessionAccess;
  /** What a crash must not make forget. */
  readonly journal: SessionJournal;
  /** The sessions on terminals that run here. */
  readonly sessions: LiveSessions;
  /** Reports an audit event. */
  emit(event: EventFields): void;
}

/** @returns why it is refused, or undefined */
type Check = (rights: AccessChecker) => string | undefined;

/** What is asked about those who join. */
interface SessionAccess {
  /** @throws {AppError} access_denied with the reason */
  admit(identity: UserIdentity, check: Check): Promise<AccessChecker>;
  /** The same with what is known now. */
  decide(identity: UserIdentity, check: Check): { refused?: string };
}

/** Whose session it is. */
export interface SessionOwner {
  readonly identity: UserIdentity;
  /** The OS user. */
  readonly username: string;
}

/** A running program, as far as the client can influence it. */
export interface Running {
  resize?(size: WindowSize): void;
  signal(name: string): void;
  /** @returns false where there is no terminal */
  sendBreak?(): boolean;
  /** The client reads no more of the standard output: who still writes to it is told, as by a closed pipe. */
  endOutput?(): void;
  /** The client is gone. */
  abandon(): void;
}

/** Everything known about a session before it starts. */
export interface SessionRequest {
  readonly host: SessionHost;
  readonly connection: SessionOwner;
  /** What every event of the connection carries. */
  readonly fields: Omit<EventFields, "event">;
  /** A host between here and the client records it and tells of it: nothing of that is done here. */
  readonly recordedElsewhere: boolean;
  /** The host that the session runs on, if that is another one. */
  readonly target?: string;
  readonly pty: PtyRequest | undefined;
  /** Tells the client which session it is in, and the size that rules there, now and whenever it changes. */
  readonly onSeated?: (sid: string, size: WindowSize) => void;
  /** Told what runs, so that later requests reach it. */
  onRunning(running: Running): void;
  /** The same for a session that somebody else has started. */
  onJoined(running: Running): void;
  /** Told that it ended by itself: what it left in the background stays, also when the client goes. */
  onEnded(): void;
  /** Settles when the client is gone. */
  readonly gone: Promise<void>;
  /** True from then on. */
  left(): boolean;
  /** The client's time was over: nobody comes back. */
  isCut(): boolean;
}
