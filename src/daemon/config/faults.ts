/**
 * What is wrong with a configuration: everything is looked at before the first fault ends it.
 * @module
 */
import { AppError, isAppError } from "../../base/errors.ts";

/** The configuration cannot be used. The message names the first faults, one a line. */
export class ConfigError extends AppError {
  /** All of them, each `name:line:column: what is wrong`, in the file's order. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    const ordered = faults.toSorted((a, b) => lineOf(a) - lineOf(b) || columnOf(a) - columnOf(b));
    super("bad_input", summary(ordered));
    this.faults = ordered;
  }
}

const PLACE = /:(\d+):(\d+): /;

function lineOf(fault: string): number {
  return Number(PLACE.exec(fault)?.[1] ?? 0);
}

function columnOf(fault: string): number {
  return Number(PLACE.exec(fault)?.[2] ?? 0);
}

const MOST_TOLD = 10;

function summary(faults: readonly string[]): string {
  const lines = faults.slice(0, MOST_TOLD);
  if (faults.length > lines.length) lines.push(`and ${faults.length - lines.length} more problems`);
  return lines.join("\n");
}

/** Collects faults. */
export class Faults {
  readonly #faults: string[] = [];

  add(...faults: readonly string[]): void {
    this.#faults.push(...faults);
  }

  /** What `read` gives, or `instead` when it finds a fault. */
  attempt<T>(read: () => T, instead: T): T {
    try {
      return read();
    } catch (error) {
      return this.#take(error, instead);
    }
  }

  /** The same for something that takes its time. */
  async await<T>(read: Promise<T>, instead: T): Promise<T> {
    try {
      return await read;
    } catch (error) {
      return this.#take(error, instead);
    }
  }

  #take<T>(error: unknown, instead: T): T {
    if (!isAppError(error)) throw error;
    this.add(error.message);
    return instead;
  }

  /** @throws {ConfigError} when there are any */
  end(): void {
    if (this.#faults.length > 0) throw new ConfigError(this.#faults);
  }
}
