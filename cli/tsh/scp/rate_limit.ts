/**
 * `scp -l`: local files that give and take no faster than a rate; the transfer's flow control slows down the rest.
 * @module
 */
import type { Clock } from "../../../src/base/clock.ts";
import type { LocalFile, LocalFiles } from "../../../src/ssh/transfer/local_files.ts";

/** @param bytesPerSecond of all files together */
export function limitRate(files: LocalFiles, bytesPerSecond: number, clock: Clock): LocalFiles {
  const started = clock.now();
  let spent = 0;
  const spend = async (bytes: number) => {
    spent += bytes;
    const due = 1000 * spent / bytesPerSecond - (clock.now() - started);
    if (due > 0) await new Promise<void>((resolve) => clock.after(due, resolve));
  };
  const limited = (file: LocalFile): LocalFile => ({
    async read(into) {
      const count = await file.read(into.subarray(0, Math.max(1, Math.min(into.length, bytesPerSecond))));
      await spend(count);
      return count;
    },
    async write(data) {
      await spend(data.length);
      await file.write(data);
    },
    seek: (offset) => file.seek(offset),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  });
  return {
    ...files,
    openToRead: async (path) => limited(await files.openToRead(path)),
    openToWrite: async (path, mode) => limited(await files.openToWrite(path, mode)),
  };
}
