/**
 * Recordings in a bucket: while a session runs, its files grow on this machine; once it is over they go to the bucket,
 * and only then its host is told that it may drop its copy. A host that changes to another auth server before that
 * sends everything anew. Who owns a recording is said in the bucket from the start.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { S3Client, S3Object } from "../../store/aws/s3_client.ts";
import type { RecordingFiles } from "./recordings.ts";

const PART_BYTES = 16 * 1024 * 1024;
const OWNER = ".owner";
/** What is in the bucket does not change: its sizes are kept. */
const MAX_KNOWN = 50_000;

export interface BucketFilesOptions {
  s3: S3Client;
  /** Of all objects, without a slash at its end; may be empty. */
  prefix: string;
  /** The folder on this machine, in the place of which the bucket stands. */
  directory: string;
  local: RecordingFiles;
}

export class BucketFiles implements RecordingFiles {
  readonly #known = new Map<string, S3Object>();

  constructor(readonly options: BucketFilesOptions) {}

  #object(path: string): string {
    const { prefix, directory } = this.options;
    const name = path.slice(directory.length + 1);
    return prefix === "" ? name : `${prefix}/${name}`;
  }

  async #head(path: string): Promise<S3Object | undefined> {
    const name = this.#object(path);
    const known = this.#known.get(name) ?? await this.options.s3.head(name);
    if (known) this.#remember(known);
    return known;
  }

  #remember(object: S3Object): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(object.name, object);
  }

  async size(path: string): Promise<{ size: number; modified: number } | undefined> {
    const here = path.endsWith(OWNER) ? undefined : await this.options.local.size(path);
    return here ?? await this.#head(path);
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const { local, s3 } = this.options;
    if (!path.endsWith(OWNER) && await local.size(path)) return await local.read(path, offset, length);
    const data = length > 0 ? await s3.get(this.#object(path), offset, length) : new Uint8Array();
    if (!data) throw new AppError("not_found", "there is no such recording in the bucket");
    return data;
  }

  /** The owner's file is the only one that is written in one go. @throws {AppError} access_denied when there is one */
  async appendBytes(path: string, data: Uint8Array): Promise<void> {
    const { s3 } = this.options;
    const name = this.#object(path);
    if (await s3.put(name, data, { onlyNew: true })) return;
    const owner = await s3.get(name, 0, data.length + 1);
    if (owner && new TextDecoder().decode(owner) === new TextDecoder().decode(data)) return;
    throw new AppError("access_denied", "the recording belongs to another host");
  }

  async writeAt(path: string, offset: number, data: Uint8Array): Promise<void> {
    const { local } = this.options;
    if (!await local.size(path) && await this.#head(path)) {
      throw new AppError("conflict", "the recording is complete, and is in the bucket already");
    }
    await local.writeAt(path, offset, data);
  }

  /** Takes a recording that is over to the bucket. */
  async finished(paths: readonly string[]): Promise<void> {
    const { local } = this.options;
    const here: string[] = [];
    for (const path of paths) {
      const info = await local.size(path);
      if (!info) continue;
      await this.#upload(path, info.size);
      here.push(path);
    }
    for (const path of here) await local.remove(path); // when all of them are there
  }

  async #upload(path: string, size: number): Promise<void> {
    const { s3, local } = this.options;
    const name = this.#object(path);
    if (size <= PART_BYTES) await s3.put(name, await local.read(path, 0, size));
    else await s3.putParts(name, this.#parts(path, size));
    this.#known.delete(name);
  }

  async *#parts(path: string, size: number): AsyncIterable<Uint8Array> {
    for (let at = 0; at < size; at += PART_BYTES) {
      yield await this.options.local.read(path, at, Math.min(PART_BYTES, size - at));
    }
  }

  async names(directory: string): Promise<string[]> {
    const { s3, local } = this.options;
    const folder = `${this.#object(`${directory}/`)}`;
    const objects = await s3.list(folder);
    for (const object of objects) this.#remember(object);
    const there = objects.map(({ name }) => name.slice(folder.length)).filter((name) => !name.includes("/"));
    return [...new Set([...await local.names(directory), ...there])];
  }

  makeDirectory(path: string): Promise<void> {
    return this.options.local.makeDirectory(path);
  }

  async remove(path: string): Promise<void> {
    const { s3, local } = this.options;
    await local.remove(path);
    await s3.remove(this.#object(path));
    this.#known.delete(this.#object(path));
  }
}
