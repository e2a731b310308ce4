/**
 * The files of the audit log, as those who write and read it use them.
 * @module
 */

/** The files the log needs. */
export interface LogFiles {
  /** Appends to a file, which is created with mode 0640 if missing. */
  append(path: string, text: string): Promise<void>;
  /** The names in a folder; empty when it does not exist. */
  names(directory: string): Promise<string[]>;
  /** The lines of a file, one by one. */
  lines(path: string): AsyncIterable<string>;
  /** Size in bytes; undefined when there is no such file. */
  size(path: string): Promise<{ size: number; modified: number } | undefined>;
  read(path: string, offset: number, length: number): Promise<Uint8Array>;
}
