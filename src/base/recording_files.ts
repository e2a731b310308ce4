/**
 * The files of recordings on this machine's disk.
 * @module
 */
import { diskFiles, writeAll } from "./files.ts";

const RECORDING_MODE = 0o640;

/** What a recording spool needs. */
export const recordingFiles = {
  ...diskFiles,
  async create(path: string) {
    const file = await Deno.open(path, { write: true, createNew: true, mode: RECORDING_MODE });
    return {
      write: (data: Uint8Array) => writeAll(file, data),
      close() {
        file.close();
        return Promise.resolve();
      },
    };
  },
  truncate: (path: string, size: number) => Deno.truncate(path, size),
};
