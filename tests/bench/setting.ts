/**
 * What a benchmark run has started and must clean up again: processes, daemons, directories. Everything ends in the
 * reverse order of its start, also when the run is interrupted.
 * @module
 */
import { type ClusterOptions, Daemon } from "../kit/cluster.ts";
import { endTree } from "./processes.ts";

const INTERRUPTED = "the run was interrupted";

/** About 30 s after the last work the engine collects what it has left behind, and is at rest then. */
export const RESTED_MS = 45_000;

export interface Child {
  process: Deno.ChildProcess;
  end(): Promise<void>;
}

export class Setting implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  #cleaning: Promise<void> | undefined;

  /** @param quick fewer repetitions and less data */
  constructor(readonly quick: boolean) {}

  /** A number of repetitions: all of them, or few. */
  rounds(usual: number, quick: number): number {
    return this.quick ? quick : usual;
  }

  /** A temporary directory. */
  async directory(): Promise<string> {
    const path = await Deno.makeTempDir({ prefix: "teleport-bench-" });
    await this.#atEnd(() => Deno.remove(path, { recursive: true }));
    return path;
  }

  /** Starts a daemon; it is stopped at the end at the latest. */
  async daemon(options: ClusterOptions = {}): Promise<Daemon> {
    const directory = options.directory ?? await this.directory();
    const daemon = await Daemon.spawn({ ...options, directory });
    await this.#atEnd(() => daemon.stop());
    return daemon;
  }

  /** Starts a program that runs beside the measurements. */
  spawn(command: string, args: string[], options: Deno.CommandOptions): Child {
    if (this.#cleaning) throw new Error(INTERRUPTED);
    const process = new Deno.Command(command, { ...options, args }).spawn();
    let ended = false;
    process.status.then(() => ended = true);
    const end = async () => {
      if (!ended) await endTree(process.pid);
      await process.status;
    };
    this.#stack.defer(end);
    return { process, end };
  }

  /** Registers a cleanup; does it at once when the run was interrupted meanwhile. */
  async #atEnd(cleanup: () => Promise<void>): Promise<void> {
    if (!this.#cleaning) return this.#stack.defer(cleanup);
    await cleanup();
    throw new Error(INTERRUPTED);
  }

  /** Cleans up once, however often it is called: an interrupted run does it beside the benchmark it stops. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#cleaning ??= this.#stack.disposeAsync();
  }
}
