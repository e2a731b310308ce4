/**
 * Where the audit log lies. One auth server alone writes straight into the log directory. Of several that share the
 * directory, as by a network file system, each writes into a folder named by its host id: appending to one file from two
 * machines would mix lines.
 * @module
 */
import { isUuid } from "../../model/name.ts";
import type { LogFiles } from "./log_files.ts";

export class LogDirectories {
  /** Where this auth server writes. */
  readonly own: string;

  /**
   * @param root the log directory
   * @param sharer this host's id, where other auth servers may write beside it
   */
  constructor(readonly root: string, readonly sharer: string | undefined) {
    this.own = sharer === undefined ? root : `${root}/${sharer}`;
  }

  /** All there are now: also of servers that are no more, and of the time when there was only one. */
  async all(files: Pick<LogFiles, "names">): Promise<string[]> {
    const folders = (await files.names(this.root)).filter(isUuid).map((name) => `${this.root}/${name}`);
    return [...new Set([this.root, ...folders, this.own])];
  }

  async others(files: Pick<LogFiles, "names">): Promise<string[]> {
    return (await this.all(files)).filter((directory) => directory !== this.own && directory !== this.root);
  }
}
