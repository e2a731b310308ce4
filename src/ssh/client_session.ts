/**
 * The client's end of a session channel.
 * @module
 */
import type { Duplex, Readable } from "node:stream";
import type { ClientSession, ExitStatus, WindowSize } from "./channel.ts";
import type { Ssh2Channel } from "./ssh2/internals.ts";

/** A session over an ssh2 client channel. */
export class ClientSessionOverSsh2 implements ClientSession {
  readonly #channel: Ssh2Channel;
  readonly exit: Promise<ExitStatus>;

  constructor(channel: Ssh2Channel) {
    this.#channel = channel;
    const status: ExitStatus = {};
    channel.on("exit", (code: number | null, signal?: string, coreDumped?: boolean) => {
      if (typeof code === "number") status.code = code;
      else if (signal) Object.assign(status, { signal: signal.replace(/^SIG/, ""), coreDumped });
    });
    this.exit = new Promise((resolve) => channel.once("close", () => resolve(status)));
  }

  get stream(): Duplex {
    return this.#channel;
  }

  get stderr(): Readable {
    return this.#channel.stderr;
  }

  resize(size: WindowSize): void {
    this.#channel.setWindow(size.rows, size.columns, size.height, size.width);
  }

  signal(name: string): void {
    this.#channel.signal(name);
  }

  close(): void {
    this.#channel.close();
  }
}
