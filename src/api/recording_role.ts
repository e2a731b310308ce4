/**
 * What every role that may record sessions has, node and proxy alike: the cluster's policy, the spool and the journal in
 * its run's folder, the list of its live sessions for auth; and what crashed runs of it have left.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Files } from "../base/files.ts";
import { recordingFiles } from "../base/recording_files.ts";
import type { RunFolder } from "../base/run_folder.ts";
import { DEFAULT_POLICY, type RecordingPolicy } from "../model/recording_policy.ts";
import { LiveSessions } from "../session/live_sessions.ts";
import { adoptSessions, openJournal, type SessionJournal } from "../session/session_journal.ts";
import { Spool } from "../session/spool.ts";
import { adoptEvents } from "./event_journal.ts";
import type { EventQueue } from "./event_queue.ts";
import type { Membership } from "./membership.ts";
import type { Output } from "./contract.ts";

export interface RecordingRoleOptions {
  member: Membership;
  events: EventQueue;
  run: RunFolder;
  files: Files;
  clock: Clock;
  /** For the log. */
  warn(text: string): void;
}

/** What a host does of the cluster's settings. */
export function recordingPolicy(cluster: Output<"cluster.get">): RecordingPolicy {
  const { mode, commands } = DEFAULT_POLICY;
  return {
    by: cluster.sessionRecording,
    mode: cluster.recordingMode ?? mode,
    commands: cluster.recordCommands ?? commands,
  };
}

export class RecordingRole {
  readonly #options: RecordingRoleOptions;
  readonly sessions: LiveSessions;
  /** The recordings of earlier runs, by folder, until auth has them. */
  readonly #left = new Map<string, Spool>();

  private constructor(
    options: RecordingRoleOptions,
    readonly spool: Spool,
    readonly journal: SessionJournal,
  ) {
    this.#options = options;
    const { member, clock } = options;
    const run = crypto.randomUUID();
    this.sessions = new LiveSessions({
      clock,
      announce: async (sessions) => (await member.auth.call("sessions.announce", { run, sessions })).end,
    });
  }

  /** Opens this run's, and takes over what earlier runs have left. */
  static async open(options: RecordingRoleOptions): Promise<RecordingRole> {
    const { run, files, clock, warn } = options;
    const journal = await openJournal(files, run.path, warn);
    const role = new RecordingRole(options, await openSpool(options, run.path), journal);
    await run.adopt(clock, (folder) => role.#adopt(folder), warn);
    return role;
  }

  async #adopt(folder: string): Promise<void> {
    const { files, events } = this.#options;
    await adoptEvents(files, folder, events);
    await adoptSessions(files, folder, (event) => events.emit(event));
    const spool = await openSpool(this.#options, folder);
    this.#left.set(folder, spool);
    await spool.recover();
    await spool.settled();
    this.#left.delete(folder);
  }

  get #spools(): Spool[] {
    return [this.spool, ...this.#left.values()];
  }

  /** For the role's state. */
  counts(): { recordings_waiting: number; spool_bytes: number } {
    return {
      recordings_waiting: this.#spools.reduce((sum, { shipping }) => sum + shipping, 0),
      spool_bytes: this.#spools.reduce((sum, { size }) => sum + size, 0),
    };
  }

  /** Ends uploads; what is not shipped is for the next run. */
  async close(): Promise<void> {
    await Promise.all(this.#spools.map((spool) => spool.close()));
  }
}

function openSpool({ member, clock, warn }: RecordingRoleOptions, folder: string): Promise<Spool> {
  return Spool.open({
    directory: `${folder}/recordings`,
    files: recordingFiles,
    clock,
    sealer: () => member.credentials,
    openUpload: async (sid) => (await member.auth.subsystem(`recording:${sid}`)).stream,
    warn,
  });
}
