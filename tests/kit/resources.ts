/**
 * Resources in tests: files of them, and what tctl prints of them.
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml";
import type { Daemon } from "./cluster.ts";

export interface Resource {
  kind: string;
  metadata: Record<string, unknown>;
  spec: Record<string, unknown>;
}

/** The documents of a YAML text. */
export function documents(text: string): Resource[] {
  return text.split(/^---\n/m).filter(Boolean).map((part) => parse(part) as Resource);
}

/** tctl on a cluster, and a folder for its files. */
export class ResourceDesk {
  private constructor(readonly cluster: Daemon, readonly folder: string) {}

  static async open(cluster: Daemon): Promise<ResourceDesk> {
    const folder = `${cluster.directory}/resources`;
    await Deno.mkdir(folder);
    return new ResourceDesk(cluster, folder);
  }

  /** Writes a resource file. @returns its path */
  async file(name: string, text: string): Promise<string> {
    const path = `${this.folder}/${name}`;
    await Deno.writeTextFile(path, text);
    return path;
  }

  /** Runs tctl, which must fail with a message and no output. @returns the message */
  async refused(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cluster.tctl(...args);
    assertEquals([code, stdout], [1, ""], `tctl ${args.join(" ")}: ${stderr}`);
    assertMatch(stderr, /^error: /);
    return stderr;
  }
}
