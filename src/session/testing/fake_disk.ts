/**
 * Files in memory that count writes, wait and run full when a test wants it.
 * @module
 */
import type { AppendFile, SpoolFiles } from "../spool_files.ts";

/** A disk for one test. */
export class FakeDisk implements SpoolFiles {
  readonly files = new Map<string, Uint8Array>();
  /** Sizes of the writes to files that `create` made, in order. */
  readonly writes: { path: string; size: number }[] = [];
  /** Files that are open for writing. */
  open = 0;
  /** How many more bytes fit; a write that does not fit leaves what fitted and fails. */
  space = Number.POSITIVE_INFINITY;
  /** Called before each write; a test makes it wait or throw. */
  beforeWrite: (path: string) => Promise<void> | void = () => {};

  create(path: string): Promise<AppendFile> {
    if (this.files.has(path)) return Promise.reject(new Error(`${path} exists`));
    this.files.set(path, new Uint8Array());
    this.open++;
    // Written through the entry, not the name: a renamed file goes on growing.
    const name = () => [...this.#names].find(([, from]) => from === path)?.[0] ?? path;
    return Promise.resolve({
      write: async (data) => {
        await this.beforeWrite(path);
        this.writes.push({ path, size: data.length });
        this.#add(name(), data);
      },
      close: () => {
        this.open--;
        return Promise.resolve();
      },
    });
  }

  async appendBytes(path: string, data: Uint8Array): Promise<void> {
    await this.beforeWrite(path);
    this.#add(path, data);
  }

  size(path: string): Promise<{ size: number; modified: number } | undefined> {
    const data = this.files.get(path);
    return Promise.resolve(data && { size: data.length, modified: 0 });
  }

  read(path: string, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    const data = this.files.get(path)?.slice(offset, offset + length);
    if (!data) return Promise.reject(new Error(`${path} does not exist`));
    into?.set(data);
    return Promise.resolve(into?.subarray(0, data.length) ?? data);
  }

  names(directory: string): Promise<string[]> {
    const paths = [...this.files.keys()].filter((path) => path.startsWith(`${directory}/`));
    return Promise.resolve(paths.map((path) => path.slice(directory.length + 1)));
  }

  makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  remove(path: string): Promise<void> {
    this.files.delete(path);
    return Promise.resolve();
  }

  rename(from: string, to: string): Promise<void> {
    const data = this.files.get(from);
    if (!data) return Promise.reject(new Error(`${from} does not exist`));
    this.files.delete(from);
    this.files.set(to, data);
    this.#names.set(to, from);
    return Promise.resolve();
  }

  truncate(path: string, size: number): Promise<void> {
    this.files.set(path, (this.files.get(path) ?? new Uint8Array()).slice(0, size));
    return Promise.resolve();
  }

  text(path: string): string {
    return new TextDecoder().decode(this.files.get(path));
  }

  readonly #names = new Map<string, string>();

  #add(path: string, data: Uint8Array): void {
    const before = this.files.get(path) ?? new Uint8Array();
    const fits = Math.min(data.length, this.space);
    const after = new Uint8Array(before.length + fits);
    after.set(before);
    after.set(data.subarray(0, fits), before.length);
    this.files.set(path, after);
    this.space -= fits;
    if (fits < data.length) throw new Error("no space left on device");
  }
}
