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

/** Major and minor of a version, as numbers. */
function seriesOf(version: string): [number, number] {
  const [major = 0, minor = 0] = version.split(/[.-]/).map(Number);
  return [major, minor];
}

/** Members work together when they differ in the patch, or by one minor version at most. */
export function interoperates(one: string, other: string): boolean {
  const [a, b] = [seriesOf(one), seriesOf(other)];
  return a[0] === b[0] && Math.abs(a[1] - b[1]) <= 1;
}

/** What an administrator should know about a version when it starts, if anything. */
export function aboutVersion(version: string): string | undefined {
  return isPreRelease(version)
    ? `this is a preview, ${version}: it may change, and is not for production`
    : undefined;
}

/** Whether a version is a preview, as `1.2.0-beta.1` is (Semantic Versioning 2.0.0, item 9). */
function isPreRelease(version: string): boolean {
  return /^\d+\.\d+\.\d+-/.test(version);
}
