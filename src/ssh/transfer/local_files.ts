/**
 * The files of the machine on which a transfer is started, as transfers need them. Whoever starts one gives them.
 * @module
 */

export interface LocalInfo {
  kind: "file" | "directory" | "other";
  /** Bytes. */
  size: number;
  /** Permission bits. */
  mode: number;
  /** Seconds since the epoch. */
  accessed: number;
  modified: number;
}

/** An open file with a position, which starts at 0 and moves with what is read and written. */
export interface LocalFile {
  /** @returns how many bytes, 0 at the end */
  read(into: Uint8Array): Promise<number>;
  /** Writes all of it. */
  write(data: Uint8Array): Promise<void>;
  seek(offset: number): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): void;
}

/** Errors are whatever the system throws; their message is shown. */
export interface LocalFiles {
  /** What a path leads to, links followed; undefined when there is nothing. */
  info(path: string): Promise<LocalInfo | undefined>;
  /** The names in a folder, without `.` and `..`. */
  names(path: string): AsyncIterable<string>;
  openToRead(path: string): Promise<LocalFile>;
  /** Opens a file, or makes it with this mode; what is in it stays. */
  openToWrite(path: string, mode: number): Promise<LocalFile>;
  makeDirectory(path: string, mode: number): Promise<void>;
  setMode(path: string, mode: number): Promise<void>;
  /** Seconds since the epoch. */
  setTimes(path: string, accessed: number, modified: number): Promise<void>;
}
