/**
 * Which refusals are in the audit log already, with more than the API server could say of them.
 * @module
 */
import type { AppError } from "../base/errors.ts";

const logged = new WeakSet<AppError>();

/** Marks a refusal whose event is written. */
export function refusalIsLogged(error: AppError): void {
  logged.add(error);
}

export function isLogged(error: AppError): boolean {
  return logged.has(error);
}
