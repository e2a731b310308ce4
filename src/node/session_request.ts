/**
 * What a session channel asked for, handed to whatever runs it.
 * @module
 */
import type { PtyRequest, WindowSize } from "../ssh/channel.ts";
import type { NodeConnection, NodeContext } from "./context.ts";

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
  node: NodeContext;
  connection: NodeConnection;
  env: ReadonlyMap<string, string>;
  pty: PtyRequest | undefined;
  /** Told what runs, so that later requests reach it. */
  onRunning(running: Running): void;
  /** The same for a session that somebody else has started. */
  onJoined(running: Running): void;
  /** Told that it ended by itself: what it left in the background stays, also when the client goes. */
  onEnded(): void;
  /** Settles when the client is gone. */
  gone: Promise<void>;
  /** True from then on. */
  left(): boolean;
}
