/**
 * The recording spool's files on this machine's disk.
 * @module
 */
import { diskFiles, writeAll } from "../base/files.ts";
import type { SpoolFiles } from "../session/spool_files.ts";

const RECORDING_MODE = 0o640;

export const spoolFiles: SpoolFiles = {
  ...diskFiles,
  async create(path) {
    const file = await Deno.open(path, { write: true, createNew: true, mode: RECORDING_MODE });
    return {
      write: (data) => writeAll(file, data),
      close() {
        file.close();
        return Promise.resolve();
      },
    };
  },
  truncate: (path, size) => Deno.truncate(path, size),
};
