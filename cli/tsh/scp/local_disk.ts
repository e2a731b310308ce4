/**
 * The files of this machine, for transfers of the client library.
 * @module
 */
import type { LocalFile, LocalFiles } from "../../../src/ssh/transfer/local_files.ts";

class DiskFile implements LocalFile {
  constructor(readonly file: Deno.FsFile) {}

  async read(into: Uint8Array): Promise<number> {
    return await this.file.read(into) ?? 0;
  }

  async write(data: Uint8Array): Promise<void> {
    for (let done = 0; done < data.length;) done += await this.file.write(data.subarray(done));
  }

  async seek(offset: number): Promise<void> {
    await this.file.seek(offset, Deno.SeekMode.Start);
  }

  truncate(size: number): Promise<void> {
    return this.file.truncate(size);
  }

  close(): void {
    this.file.close();
  }
}

export const localDisk: LocalFiles = {
  async info(path) {
    try {
      const info = await Deno.stat(path);
      return {
        kind: info.isFile ? "file" : info.isDirectory ? "directory" : "other",
        size: info.size,
        mode: (info.mode ?? 0) & 0o7777,
        accessed: Math.floor((info.atime?.getTime() ?? 0) / 1000),
        modified: Math.floor((info.mtime?.getTime() ?? 0) / 1000),
      };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  },
  async *names(path) {
    for await (const { name } of Deno.readDir(path)) yield name;
  },
  openToRead: async (path) => new DiskFile(await Deno.open(path)),
  openToWrite: async (path, mode) => new DiskFile(await Deno.open(path, { write: true, create: true, mode })),
  makeDirectory: (path, mode) => Deno.mkdir(path, { mode }),
  setMode: (path, mode) => Deno.chmod(path, mode),
  setTimes: (path, accessed, modified) => Deno.utime(path, accessed, modified),
};
