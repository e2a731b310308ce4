/**
 * The files a recording host needs for its recordings.
 * @module
 */
import type { Files } from "../base/files.ts";

/** A file that is open for writing at its end. */
export interface AppendFile {
  /** Writes all of `data`, which must not change until the promise settles. */
  write(data: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Creating a recording's files. */
export interface RecordingStore {
  /** Creates a file with mode 0640 and keeps it open. Fails when it exists. */
  create(path: string): Promise<AppendFile>;
}

/** All a spool needs. */
export interface SpoolFiles
  extends
    RecordingStore,
    Pick<Files, "appendBytes" | "size" | "read" | "names" | "makeDirectory" | "remove" | "rename"> {
  /** Cuts a file to `size` bytes. */
  truncate(path: string, size: number): Promise<void>;
}
