/**
 * What runs in a session, as far as those who show, record and share it need to know: a process of this machine, or a
 * session of another one.
 * @module
 */
import type { Readable, Writable } from "node:stream";
import type { ExitStatus, WindowSize } from "../ssh/channel.ts";

export interface Program {
  /** Settles with its end; never rejects. */
  readonly exit: Promise<ExitStatus>;
  /** Takes what is typed. */
  readonly input: Writable;
  readonly outputs: readonly { from: Readable; to: Writable }[];
  signal(name: string): void;
  /** Of its terminal, if it has one. */
  resize(size: WindowSize): void;
  /** @returns false where there is no terminal */
  sendBreak(): boolean;
  /** The client has nothing more to type. */
  endInput(): void;
  /** Nobody reads its standard output any more: it is to know, as by a closed pipe. */
  endOutput(): void;
  /** Ends it with all that it has started. */
  kill(): void;
}
