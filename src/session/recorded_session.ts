/**
 * An interactive session: a program, on a terminal or not, recorded from its first byte and shared with those who join.
 * No recorder, no session.
 * @module
 */
import { AppError } from "../base/errors.ts";
import { type EventFields, sessionTime } from "../model/event.ts";
import { printable } from "../ssh/public_key.ts";
import type { ExitStatus, WindowSize } from "../ssh/channel.ts";
import type { ServerSessionChannel } from "../ssh/server_session.ts";
import { exitFields } from "./exit.ts";
import { Hub, LINGER_MS } from "./hub.ts";
import { LiveSession } from "./live_sessions.ts";
import type { Program } from "./program.ts";
import { pump, type Tap } from "./pump.ts";
import { type SessionRecorder, startRecorder } from "./session_recorder.ts";
import type { SessionRequest } from "./session_request.ts";

export interface RecordedSession {
  sid: string;
  /** Undefined for a shell. */
  command: string | undefined;
  channel: ServerSessionChannel;
  /** Starts the program. */
  launch(): Program | Promise<Program>;
}

/**
 * Runs a session to its end. The caller tells the client how it ended.
 * @throws {AppError} when it cannot be recorded, or its program not be started
 */
export async function runRecorded(request: SessionRequest, session: RecordedSession): Promise<ExitStatus> {
  const { host } = request;
  const { sid, command, channel } = session;
  const log = new SessionLog(request, sid);
  let failure: Error | undefined;
  let endForFailure = (error: Error) => void (failure = error);
  await log.open((error) => endForFailure(error)); // when it throws, there is no session
  let program: Program;
  try {
    if (request.left()) throw new AppError("closed", "the client left before the session started");
    program = await session.launch();
  } catch (error) {
    await log.abort("the program could not be started");
    throw error;
  }
  endForFailure = (error) => {
    channel.stderr.write(
      `\r\nteleport: the session ends because it cannot be recorded: ${error.message}\r\n`,
    );
    program.kill();
  };
  if (failure) endForFailure(failure); // while the program was started
  log.begin(command);
  const live = share(request, session, program, log);
  request.onRunning({
    signal: (name) => program.signal(name),
    resize: (to) => live ? live.hub.owner.resize(to) : program.resize(to),
    sendBreak: () => program.sendBreak(),
    // A terminal's output has other readers; a client that reads no more drops it.
    endOutput: request.pty ? undefined : () => program.endOutput(),
    abandon: () => {
      if (!live) return program.kill();
      if (request.isCut()) live.hub.hurry();
      live.hub.owner.leave();
    },
  });

  const tap = live ? tapFor(live.hub, log.recorder) : log.recorder;
  const shown = program.outputs.map(({ from, to }) => pump(from, to, request.gone, tap));
  feed(channel, program, request);
  const status = await program.exit;
  await Promise.all(shown);
  request.onEnded();

  if (live) live.hub.end();
  else log.report({ event: "session.leave" });
  await log.end(status, live?.reason);
  if (live) host.sessions.remove(live, status);
  return status;
}

/** The events of one session: in its recording, in the audit log, and the journal's note of it. */
class SessionLog {
  recorder: SessionRecorder | undefined;

  constructor(readonly request: SessionRequest, readonly sid: string) {}

  async open(onFailure: (error: Error) => void): Promise<void> {
    const { host, recordedElsewhere } = this.request;
    if (recordedElsewhere) return;
    this.recorder = await startRecorder(host, this.sid, onFailure, (event) => host.emit(this.#stamp(event)));
  }

  #stamp(event: EventFields): EventFields {
    const { host, fields } = this.request;
    return { time: sessionTime(host.clock.now()), ...fields, sid: this.sid, ...event };
  }

  report(event: EventFields): void {
    if (this.request.recordedElsewhere) return;
    const stamped = this.#stamp(event);
    this.recorder?.event(stamped);
    this.request.host.emit(stamped);
  }

  async abort(exitError: string): Promise<void> {
    await this.recorder?.end(this.#stamp({ event: "session.end", exitError }));
  }

  begin(command: string | undefined): void {
    const { host, fields, pty, recordedElsewhere } = this.request;
    if (recordedElsewhere) return;
    host.journal.begin(this.sid, { ...fields, sid: this.sid });
    const size = pty ? `${pty.columns}:${pty.rows}` : undefined;
    this.report({ event: "session.start", size, command });
  }

  async end(status: ExitStatus, reason: string | undefined): Promise<void> {
    const { host, recordedElsewhere } = this.request;
    if (recordedElsewhere) return;
    const end = this.#stamp({ event: "session.end", ...exitFields(status), reason });
    await this.recorder?.end(end);
    host.emit(end);
    host.journal.end(this.sid);
  }
}

/** Lets others join what runs on a terminal. */
function share(
  request: SessionRequest,
  { sid, command, channel }: RecordedSession,
  program: Program,
  log: SessionLog,
): LiveSession | undefined {
  const { host, connection, fields, pty, recordedElsewhere } = request;
  if (!pty || recordedElsewhere) return undefined;
  const live = new LiveSession({
    sid,
    login: connection.username,
    owner: connection.identity,
    node: request.target,
    program,
    started: host.clock.now(),
    hub: (onChange) =>
      new Hub({
        clock: host.clock,
        // A command is over with its client, as in OpenSSH; people come back to a shell.
        lingerMs: command === undefined ? LINGER_MS : 0,
        owner: { ...seatOf(request, channel, sid), size: pty, fields: { ...fields, sid } },
        onSize: (to: WindowSize) => program.resize(to),
        onEvent: (event) => log.report(event),
        onChange,
        onAbandoned: () => program.kill(),
      }),
  });
  host.sessions.add(live);
  return live;
}

/** What a party's seat in a session gets from its connection. */
export function seatOf({ connection, onSeated }: SessionRequest, output: ServerSessionChannel, sid: string) {
  const onSize = onSeated && ((size: WindowSize) => onSeated(sid, size));
  return { user: printable(connection.identity.name), mode: "peer" as const, output, onSize };
}

/** Output for those who have joined and for the recording, which decides on the pace. */
function tapFor(hub: Hub, recorder: Tap | undefined): Tap {
  return {
    print(piece) {
      hub.show(piece);
      return recorder?.print(piece);
    },
  };
}

/** The client's input. */
function feed(channel: ServerSessionChannel, program: Program, { pty, left }: SessionRequest): void {
  const { input } = program;
  channel.on("data", (chunk: Uint8Array) => {
    if (input.destroyed || !input.writable || input.write(chunk)) return;
    channel.pause();
    input.once("drain", () => channel.resume());
  });
  channel.once("end", () => {
    if (!pty || !left()) program.endInput(); // who is cut off from a terminal has not said that this is all
  });
}
