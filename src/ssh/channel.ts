/**
 * Channels and session requests as the rest of the product sees them (RFC 4254), whoever speaks the protocol below.
 * @module
 */
import type { Duplex, Readable, Writable } from "node:stream";

/** A terminal's size in characters and, if known, pixels. */
export interface WindowSize {
  columns: number;
  rows: number;
  width: number;
  height: number;
}

/** RFC 4254 section 6.2. */
export interface PtyRequest extends WindowSize {
  term: string;
  /** Encoded terminal modes (RFC 4254 section 8): opcode to value. */
  modes: Map<number, number>;
}

/** How a remote command ended (RFC 4254 section 6.10). Neither set: the other side did not say. */
export interface ExitStatus {
  code?: number;
  /** Without the SIG prefix. */
  signal?: string;
  coreDumped?: boolean;
}

/** The server's end of a session: reading gives what the client typed, writing goes to its standard output. */
export interface SessionChannel extends Duplex {
  readonly stderr: Writable;
}

/** The client's end of a session: reading gives standard output, writing goes to standard input. */
export interface ClientSession {
  readonly stream: Duplex;
  readonly stderr: Readable;
  /** Settles when the channel is closed and everything was read. */
  readonly exit: Promise<ExitStatus>;
  resize(size: WindowSize): void;
  signal(name: string): void;
  close(): void;
}
