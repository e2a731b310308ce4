/**
 * The version of this build.
 * @module
 */
import config from "../../deno.json" with { type: "json" };

export const VERSION: string = config.version;

/** The oldest client that this server talks to. */
export const MIN_CLIENT_VERSION = "0.1.0";

/** Compares versions as `1.2.3`; what follows a dash is ignored. */
export function isOlder(version: string, than: string): boolean {
  const parts = (text: string) => text.replace(/-.*$/, "").split(".").map(Number);
  const [a, b] = [parts(version), parts(than)];
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
