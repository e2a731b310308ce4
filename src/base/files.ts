/**
 * Files as the roles use them: private ones replaced as a whole, logs appended to, ranges read.
 * @module
 */

/** File access of one role, within its folder. */
export interface Files {
  /** The whole text, or undefined when the file does not exist. */
  readText(path: string): Promise<string | undefined>;
  /** Replaces a file as a whole, mode 0600; a crash leaves the old or the new content. */
  writePrivate(path: string, text: string): Promise<void>;
  /** Appends; a new file gets mode 0640. */
  append(path: string, text: string): Promise<void>;
  appendBytes(path: string, data: Uint8Array): Promise<void>;
  /** Writes at a place, over what is there; a new file gets mode 0640. */
  writeAt(path: string, offset: number, data: Uint8Array): Promise<void>;
  size(path: string): Promise<{ size: number; modified: number } | undefined>;
  /** @param into where it is put; left out, new memory */
  read(path: string, offset: number, length: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
  /** The names in a folder; none when it does not exist. */
  names(directory: string): Promise<string[]>;
  lines(path: string): AsyncIterable<string>;
  /** Creates a folder and its parents with mode 0700. */
  makeDirectory(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

const LOG_MODE = 0o640;
const PRIVATE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const encoder = new TextEncoder();

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Writes all of `data`: one write call may take only a part. */
export async function writeAll(
  file: { write(data: Uint8Array): Promise<number> },
  data: Uint8Array,
): Promise<void> {
  for (let done = 0; done < data.length;) done += await file.write(data.subarray(done));
}

async function appendTo(path: string, data: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { append: true, create: true, mode: LOG_MODE });
  await writeAll(file, data);
}

/** Files on this machine's disk. */
export const diskFiles: Files = {
  readText: (path) => orUndefined(Deno.readTextFile(path)),
  async writePrivate(path, text) {
    const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.new`;
    try {
      using file = await Deno.open(temporary, { write: true, createNew: true, mode: PRIVATE_MODE });
      await writeAll(file, encoder.encode(text));
      await file.sync();
      await Deno.rename(temporary, path);
    } catch (error) {
      await orUndefined(Deno.remove(temporary));
      throw error;
    }
  },
  append: (path, text) => appendTo(path, encoder.encode(text)),
  appendBytes: appendTo,
  async writeAt(path, offset, data) {
    using file = await Deno.open(path, { write: true, create: true, mode: LOG_MODE });
    await file.seek(offset, Deno.SeekMode.Start);
    await writeAll(file, data);
  },
  async size(path) {
    const info = await orUndefined(Deno.stat(path));
    return info && { size: info.size, modified: info.mtime?.getTime() ?? 0 };
  },
  async read(path, offset, length, into) {
    using file = await Deno.open(path);
    await file.seek(offset, Deno.SeekMode.Start);
    const data = into?.subarray(0, length) ?? new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = await file.read(data.subarray(done));
      if (count === null) break;
      done += count;
    }
    return data.subarray(0, done);
  },
  async names(directory) {
    const entries = await orUndefined(Array.fromAsync(Deno.readDir(directory)));
    return (entries ?? []).map((entry) => entry.name);
  },
  async *lines(path) {
    const file = await orUndefined(Deno.open(path));
    if (!file) return;
    let rest = "";
    for await (const text of file.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    if (rest) yield rest;
  },
  async makeDirectory(path) {
    await Deno.mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  },
  async remove(path) {
    await orUndefined(Deno.remove(path));
  },
  rename: (from, to) => Deno.rename(from, to),
};
