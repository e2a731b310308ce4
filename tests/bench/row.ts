/**
 * One line of the table: what was measured, and whether it meets its goal.
 * @module
 */
import { median } from "./statistics.ts";

/** What counts as good: a bound of our value, or of its ratio to sshd's. */
export interface Goal {
  bound: "at most" | "at least";
  limit: number;
  of: "value" | "ratio";
}

export interface Row {
  name: string;
  unit: string;
  ours: number;
  sshd?: number;
  /** Ours divided by sshd's. */
  ratio?: number;
  goal: string;
  met: boolean;
  /** Lowest and highest measurement of each side. */
  spread: { ours: [number, number]; sshd?: [number, number] };
}

/** Bounds of our own value. */
export const atMost = (limit: number): Goal => ({ bound: "at most", limit, of: "value" });
/** Bounds of the ratio to sshd. */
export const ratioAtMost = (limit: number): Goal => ({ bound: "at most", limit, of: "ratio" });
export const ratioAtLeast = (limit: number): Goal => ({ bound: "at least", limit, of: "ratio" });

/** Makes a row of the medians of repeated measurements. */
export function row(
  name: string,
  unit: string,
  goal: Goal,
  measured: { ours: readonly number[]; sshd?: readonly number[] },
): Row {
  const ours = median(measured.ours);
  const sshd = measured.sshd && median(measured.sshd);
  const ratio = sshd === undefined || sshd === 0 ? undefined : ours / sshd;
  const judged = goal.of === "value" ? ours : ratio;
  const met = judged !== undefined &&
    (goal.bound === "at most" ? judged <= goal.limit : judged >= goal.limit);
  const sign = goal.bound === "at most" ? "<=" : ">=";
  return {
    name,
    unit,
    ours,
    sshd,
    ratio,
    goal: `${sign} ${goal.limit}${goal.of === "ratio" ? " x sshd" : ` ${unit}`}`,
    met,
    spread: { ours: spread(measured.ours), sshd: measured.sshd && spread(measured.sshd) },
  };
}

function spread(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}
