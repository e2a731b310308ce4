/**
 * What went wrong with a request, as a person is told.
 * @module
 */

/** A request that did not work. */
export class RequestFailure extends Error {
  override readonly name = "RequestFailure";

  /** @param status the HTTP status; 0 when there was no answer */
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export const UNREACHABLE = "the server could not be reached; check your connection and try again";

/** The text of a failure as a sentence: messages of ours begin small and have no full stop. */
export function sentence(failure: unknown): string {
  const message = failure instanceof Error ? failure.message : String(failure);
  if (message === "") return "Something went wrong.";
  return message.charAt(0).toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".");
}
