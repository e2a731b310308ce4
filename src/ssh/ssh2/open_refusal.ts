/**
 * Why a channel is not opened (RFC 4254 section 5.1), as a number on the wire and as an error here.
 * @module
 */
import { AppError, isAppError } from "../../base/errors.ts";

/** The reasons of the RFC in its own words. */
export type Refusal = keyof typeof NUMBERS;

const NUMBERS = { "prohibited": 1, "connect failed": 2, "unknown type": 3, "shortage": 4 } as const;

/** The number that stands for a reason. */
export function refusalNumber(refusal: Refusal): number {
  return NUMBERS[refusal];
}

/** What to tell the other side when an open failed: our own texts, but nothing of an unexpected failure. */
export function refusalFor(error: unknown): { refusal: Refusal; text: string } {
  if (!isAppError(error)) return { refusal: "connect failed", text: "the connection failed" };
  const text = error.message;
  if (error.code === "access_denied") return { refusal: "prohibited", text };
  return { refusal: error.code === "limit" ? "shortage" : "connect failed", text };
}

/** The other side's refusal as an error with its text. */
export function refusalError(number: number, text: string): AppError {
  const reason = text || "no reason given";
  switch (number) {
    case NUMBERS.prohibited:
      return new AppError("access_denied", reason);
    case NUMBERS["unknown type"]:
      return new AppError("unsupported", reason);
    case NUMBERS.shortage:
      return new AppError("limit", reason);
    default:
      return new AppError("unavailable", reason);
  }
}
