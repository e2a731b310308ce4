/**
 * What uploads and downloads by sftp have in common.
 * @module
 */
import type { TransferOptions } from "../transfer/report.ts";

export interface SftpTransferOptions extends TransferOptions {
  /** Goes on where an earlier try ended, when a part of a file is there. */
  resume?: boolean;
  /** How many files are under way at once. */
  parallel?: number;
}

export const DEFAULT_PARALLEL = 8;
/** Deeper folders are taken for an endless loop, as by OpenSSH. */
export const MAX_DEPTH = 64;

/** Something on its way. `done` settles when it is complete, and rejects only for what ends the whole transfer. */
export interface Started {
  done: Promise<unknown>;
}

export const NOTHING: Started = { done: Promise.resolve() };

/** All that is on its way in one folder. */
export class Inside {
  readonly #running = new Set<Promise<unknown>>();

  add({ done }: Started): void {
    this.#running.add(done);
    const remove = () => this.#running.delete(done);
    done.then(remove, () => {}); // a failure stays, for whoever waits
  }

  async finished(): Promise<void> {
    await Promise.all(this.#running);
  }
}

/** `folder/name` */
export function within(folder: string, name: string): string {
  return `${folder.replace(/\/$/, "")}/${name}`;
}
