/**
 * Durations as people write them: `1h30m`, `45s`, `100ms`, `2h0m0s`.
 * @module
 */
import { AppError } from "./errors.ts";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const UNITS: Record<string, number> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY };

/**
 * Milliseconds of a duration text. A bare number is refused except `0`: its unit would be a guess.
 * @throws {AppError} bad_input when the text is not a duration.
 */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text) {
    throw new AppError("bad_input", `"${text}" is not a duration; write it as 90s, 30m, 8h or 1h30m`);
  }
  return Math.round(parts.reduce((sum, part) => sum + Number(part[1]) * (UNITS[part[2] ?? ""] ?? 0), 0));
}

/** A duration in the form `23h0m0s`, rounded to seconds; below a second, milliseconds. */
export function formatDuration(ms: number): string {
  if (ms > 0 && ms < SECOND) return `${Math.round(ms)}ms`;
  const total = Math.round(ms / SECOND);
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const seconds = total % 60;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  if (minutes > 0) return `${minutes}m${seconds}s`;
  return `${seconds}s`;
}
