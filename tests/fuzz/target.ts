/**
 * What is fuzzed: something that takes bytes from outside.
 * @module
 */
import type { Random } from "./random.ts";

export interface FuzzTarget {
  /** Names its corpus folder, too. */
  readonly name: string;
  /** Valid inputs. */
  seeds(): readonly Uint8Array[];
  /**
   * Takes one input. A normal return and an AppError that is not `internal` are fine; all else is a finding.
   * @param random for decisions that are part of the input
   */
  run(input: Uint8Array, random: Random): unknown;
  /** Called between batches, and at the end: throws when something has gone wrong silently. */
  check?(): Promise<void>;
  /** Called first and last. */
  start?(): Promise<void>;
  stop?(): Promise<void>;
  /** Milliseconds that one input may take. */
  maxMs?: number;
}

const encoder = new TextEncoder();

export function text(...lines: string[]): Uint8Array[] {
  return lines.map((line) => encoder.encode(line));
}

export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
