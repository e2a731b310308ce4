/**
 * The daemon that this one takes over from: it has started this process, lends its listening sockets, and goes on until
 * this one is ready.
 * @module
 */
import { type Clock, systemClock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import type { HostPort } from "../../base/dial.ts";
import { AppError } from "../../base/errors.ts";
import { closeOnExec, ListeningSocket } from "../listener.ts";
import { HandoverChannel } from "./channel.ts";
import { type Hello, PROTOCOL } from "./messages.ts";

/** Names the descriptor of the channel. Only a daemon sets it, for the one it starts. */
export const HANDOVER_VARIABLE = "TELEPORT_HANDOVER";

const HELLO_MS = 10 * SECOND;
const RELEASE_MS = 30 * SECOND;

export class Predecessor {
  readonly #channel: HandoverChannel;
  readonly #sockets: Map<string, { wanted: HostPort; socket: ListeningSocket }>;

  private constructor(channel: HandoverChannel, readonly hello: Hello) {
    this.#channel = channel;
    this.#sockets = new Map(
      hello.sockets.map(({ name, wanted, address, fd }) => [
        name,
        { wanted, socket: ListeningSocket.inherit(fd, wanted, address) },
      ]),
    );
  }

  /** The one that started this process, if a daemon did. @throws {AppError} when the two do not understand each other */
  static async find(clock: Clock = systemClock): Promise<Predecessor | undefined> {
    const fd = Number(Deno.env.get(HANDOVER_VARIABLE) ?? NaN);
    Deno.env.delete(HANDOVER_VARIABLE); // it is not for programs that this one starts
    if (!Number.isInteger(fd) || fd < 3) return undefined;
    closeOnExec(fd);
    const channel = new HandoverChannel(fd, clock);
    const hello = await channel.next(HELLO_MS);
    if (hello?.type !== "hello") {
      channel.close();
      throw new AppError("unavailable", "the daemon that started this one has ended, or says nothing");
    }
    if (hello.protocol !== PROTOCOL) {
      throw new AppError(
        "unsupported",
        "the running daemon is of a version that cannot hand over to this one: stop it and start this one",
      );
    }
    return new Predecessor(channel, hello);
  }

  get pid(): number {
    return this.hello.pid;
  }

  /** Settles when it has ended. */
  get gone(): Promise<void> {
    return this.#channel.closed;
  }

  /** Its socket of a service, if the configuration still wants it there. */
  claim(name: string, wanted: HostPort): ListeningSocket | undefined {
    const offered = this.#sockets.get(name);
    if (!offered || offered.wanted.host !== wanted.host || offered.wanted.port !== wanted.port) {
      return undefined;
    }
    this.#sockets.delete(name);
    return offered.socket;
  }

  /** Lets go of the sockets that nobody claimed. */
  closeUnclaimed(): void {
    for (const { socket } of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  /** Waits until the store is free: the other daemon lets go of it, or ends. @throws {AppError} timeout */
  async takeAuth(): Promise<void> {
    if (!this.hello.hasAuth || !this.#channel.open) return;
    this.#channel.send({ type: "take_auth" });
    for (;;) {
      const message = await this.#channel.next(RELEASE_MS);
      if (message === undefined || message.type === "auth_released") return;
    }
  }

  ready(): void {
    this.#channel.send({ type: "ready" });
  }

  async failed(reason: string): Promise<void> {
    await this.#channel.sendLast({ type: "failed", reason });
    this.#channel.close();
  }

  close(): void {
    this.closeUnclaimed();
    this.#channel.close();
  }
}
