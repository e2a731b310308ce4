/**
 * The auth service's log and recording files, in memory.
 * @module
 */
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { LogFiles } from "../../src/auth/audit/log_files.ts";
import type { RecordingFiles } from "../../src/auth/audit/recordings.ts";

interface MemoryFile {
  bytes: Uint8Array;
  modified: number;
}

export class MemoryFiles implements LogFiles, RecordingFiles {
  readonly #files = new Map<string, MemoryFile>();
  readonly directories = new Set<string>();
  /** Called before each append; a test makes it wait or throw. */
  beforeAppend: (path: string) => void | Promise<void> = () => {};

  readonly #watchers = new Set<() => void>();

  constructor(readonly clock: Clock = systemClock) {}

  /** The paths of all files, sorted. */
  get paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  text(path: string): string {
    return new TextDecoder().decode(this.#files.get(path)?.bytes);
  }

  async append(path: string, text: string): Promise<void> {
    await this.appendBytes(path, new TextEncoder().encode(text));
  }

  async appendBytes(path: string, data: Uint8Array): Promise<void> {
    await this.beforeAppend(path);
    this.#write(path, this.#files.get(path)?.bytes.length ?? 0, data);
  }

  async writeAt(path: string, offset: number, data: Uint8Array): Promise<void> {
    await this.beforeAppend(path);
    this.#write(path, offset, data);
  }

  #write(path: string, offset: number, data: Uint8Array): void {
    const before = this.#files.get(path)?.bytes ?? new Uint8Array();
    const bytes = new Uint8Array(Math.max(before.length, offset + data.length));
    bytes.set(before);
    bytes.set(data, offset);
    this.#files.set(path, { bytes, modified: this.clock.now() });
    for (const tell of this.#watchers) tell();
    this.#watchers.clear();
  }

  /** Settles at the next append. */
  appended(): Promise<void> {
    return new Promise((resolve) => this.#watchers.add(resolve));
  }

  readText(path: string): Promise<string | undefined> {
    return Promise.resolve(this.#files.has(path) ? this.text(path) : undefined);
  }

  writePrivate(path: string, text: string): Promise<void> {
    this.#files.set(path, { bytes: new TextEncoder().encode(text), modified: this.clock.now() });
    return Promise.resolve();
  }

  remove(path: string): Promise<void> {
    this.#files.delete(path);
    return Promise.resolve();
  }

  names(directory: string): Promise<string[]> {
    const within = [...this.#files.keys()].filter((path) => path.startsWith(`${directory}/`));
    const names = within.map((path) => path.slice(directory.length + 1).replace(/\/.*/, ""));
    return Promise.resolve([...new Set(names)]);
  }

  async *lines(path: string): AsyncIterable<string> {
    await Promise.resolve();
    const lines = this.text(path).split("\n");
    if (lines.at(-1) === "") lines.pop();
    yield* lines;
  }

  size(path: string): Promise<{ size: number; modified: number } | undefined> {
    const file = this.#files.get(path);
    return Promise.resolve(file && { size: file.bytes.length, modified: file.modified });
  }

  read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const file = this.#files.get(path);
    if (!file) return Promise.reject(new Deno.errors.NotFound(path));
    return Promise.resolve(file.bytes.slice(offset, offset + length));
  }

  makeDirectory(path: string): Promise<void> {
    this.directories.add(path);
    return Promise.resolve();
  }
}
