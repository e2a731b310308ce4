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

/** RFC 4254 section 6.3.1. */
export interface X11Request {
  /** Only one window program may connect. */
  singleConnection: boolean;
  /** Such as `MIT-MAGIC-COOKIE-1`. */
  protocol: string;
  /** Hexadecimal. Not the real one: the client replaces it in what programs send. */
  cookie: string;
  screen: number;
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

/** What a session can do without. */
export type Refusable = "pty" | "agent" | "x11";

/** The client's end of a session: reading gives standard output, writing goes to standard input. */
export interface ClientSession {
  readonly stream: Duplex;
  readonly stderr: Readable;
  /** Settles when the channel is closed and everything was read. */
  readonly exit: Promise<ExitStatus>;
  /** What the server did not grant; the program runs nevertheless, as with OpenSSH. */
  readonly refused: ReadonlySet<Refusable>;
  resize(size: WindowSize): void;
  /** @param name without the SIG prefix */
  signal(name: string): void;
  /**
   * RFC 4335.
   * @param ms how long, 0 for the usual
   * @returns whether the server did it
   */
  break(ms: number): Promise<boolean>;
  /** We read no more standard output: the program is to know, as by a closed pipe (eow@openssh.com, OpenSSH PROTOCOL 2.1). */
  endOutput(): void;
  close(): void;
}
