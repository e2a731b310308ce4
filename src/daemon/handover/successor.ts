/**
 * A new daemon that takes over from this one: started with this one's listening sockets, so that no connection is lost,
 * and given the store once it is ready for it.
 * @module
 */
import { type Clock, systemClock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { ChildProcess, type ExitStatus } from "../../node/os/child_process.ts";
import { spawnOwn } from "../../node/os/spawn.ts";
import { libc } from "../libc.ts";
import { type ListeningSocket, socketPair } from "../listener.ts";
import { HandoverChannel } from "./channel.ts";
import { type InheritedSocket, PROTOCOL } from "./messages.ts";
import { HANDOVER_VARIABLE } from "./predecessor.ts";
import type { DaemonCommand } from "./program.ts";

/** What this daemon has, that goes with the start. */
export interface Estate {
  /** The listening sockets, by service. */
  sockets: ReadonlyMap<string, ListeningSocket>;
  hasAuth: boolean;
  facts: { localToken: string | undefined };
}

const DEV_NULL = new TextEncoder().encode("/dev/null\0");
const O_CLOEXEC = 0o2000000;
/** The descriptor of the channel in the new process; the sockets follow. */
const CHANNEL_FD = 3;
/** How long it may take from the start, or from the store's release, until it is ready. */
const START_MS = 60 * SECOND;
const KILL_MS = 5 * SECOND;

export class Successor {
  readonly #channel: HandoverChannel;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  private constructor(child: ChildProcess, channel: HandoverChannel, clock: Clock) {
    this.#child = child;
    this.#channel = channel;
    this.#clock = clock;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Settles when it has ended. */
  get gone(): Promise<void> {
    return this.#channel.closed;
  }

  /** Starts the new daemon's process. @throws {AppError} when the system refuses */
  static start(
    command: DaemonCommand,
    { sockets, hasAuth, facts: { localToken } }: Estate,
    clock: Clock = systemClock,
  ): Successor {
    const [ours, theirs] = socketPair();
    const inherited = [...sockets].map(([name, { wanted, address }], i): InheritedSocket => ({
      name,
      wanted,
      address,
      fd: CHANNEL_FD + 1 + i,
    }));
    const nothing = libc().open(DEV_NULL, O_CLOEXEC);
    const channel = new HandoverChannel(ours, clock);
    try {
      const program = {
        path: command.path,
        argv: [command.path, ...command.args],
        env: { ...Deno.env.toObject(), [HANDOVER_VARIABLE]: String(CHANNEL_FD) },
      };
      // Not by node:child_process: it makes the sockets blocking, for this process as well.
      const listening = [...sockets.values()].map(({ fd }) => fd);
      const child = new ChildProcess(
        spawnOwn(program, [nothing, 1, 2, theirs, ...listening], command.cwd),
      );
      channel.send({
        type: "hello",
        protocol: PROTOCOL,
        pid: Deno.pid,
        sockets: inherited,
        hasAuth,
        localToken,
      });
      return new Successor(child, channel, clock);
    } catch (error) {
      channel.close();
      throw error;
    } finally {
      libc().close(nothing);
      libc().close(theirs);
    }
  }

  /**
   * Follows the start to its end.
   * @param releaseAuth stops the auth role here and lets go of the store
   * @throws {AppError} unavailable with the reason when the new daemon does not come up; it has ended then
   */
  async ready(releaseAuth: () => Promise<void>): Promise<void> {
    try {
      for (;;) {
        const message = await this.#channel.next(START_MS);
        switch (message?.type) {
          case "take_auth":
            await releaseAuth();
            this.#channel.send({ type: "auth_released" });
            break;
          case "ready":
            return;
          case "failed":
            throw new AppError("unavailable", message.reason);
          case undefined:
            throw new AppError("unavailable", ending(await this.#child.exit));
        }
      }
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** Ends it, within a few seconds. */
  async kill(): Promise<void> {
    this.#child.signal("TERM");
    const timer = this.#clock.after(KILL_MS, () => this.#child.signal("KILL"));
    await this.#child.exit;
    timer.cancel();
    this.#channel.close();
  }
}

function ending({ code, signal }: ExitStatus): string {
  return `it ended with ${
    signal === undefined ? `exit code ${code}` : `signal ${signal}`
  } before it was ready`;
}
