/**
 * Why a request over the network failed, in a few words for the log.
 * @module
 */
import { messageOf } from "../base/errors.ts";

/** What the error says, and what the errors behind it say. */
export function deepMessage(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at instanceof Error && texts.length < 5; at = at.cause) texts.push(messageOf(at));
  return texts.join(": ");
}

export function networkReason(error: unknown): string {
  const text = deepMessage(error);
  if (/connection refused/i.test(text)) return "nobody listens there";
  if (/dns error|failed to lookup|name or service not known/i.test(text)) {
    return "the name cannot be resolved";
  }
  const alert = /received fatal alert: (\w+)/.exec(text)?.[1];
  if (alert !== undefined) return `it does not accept our certificate (TLS alert ${alert})`;
  const invalid = /invalid peer certificate: (.*)/.exec(text)?.[1];
  if (invalid !== undefined) return `its certificate is not accepted (${invalid})`;
  return text.replace(/error sending request for url \([^)]*\): /g, "").slice(0, 300);
}
