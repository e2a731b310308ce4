/**
 * Paths of the interface, taken apart.
 * @module
 */

/**
 * The part of a path that a pattern names: `parameters("/sessions/:sid", "/sessions/1")` is `{ sid: "1" }`; undefined
 * when it does not fit.
 */
export function parameters(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const parts = path.split("/");
  if (wanted.length !== parts.length) return undefined;
  const found: Record<string, string> = {};
  for (const [index, word] of wanted.entries()) {
    const part = parts[index] ?? "";
    if (!word.startsWith(":")) {
      if (word !== part) return undefined;
    } else {
      const value = decoded(part);
      if (value === undefined || value === "") return undefined;
      found[word.slice(1)] = value;
    }
  }
  return found;
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** Below `/web`: `/web/nodes/` is `/nodes`, and so is `/web/cluster/main/nodes`, see {@linkcode clusterIn}. */
export function pathOf(pathname: string): string {
  const path = pathname.replace(/^\/web(?=\/|$)/, "").replace(/\/+$/, "");
  return path.replace(/^\/cluster\/[^/]+(?=\/|$)/, "") || "/";
}

/** The cluster that an address of the manual's time names in its path: `/web/cluster/east/nodes`; undefined for this one. */
export function clusterIn(pathname: string): string | undefined {
  const name = /^\/web\/cluster\/([^/]+)(?=\/|$)/.exec(pathname)?.[1];
  return name === undefined || name === "-current-" ? undefined : decoded(name);
}

/** The first words of paths that are about the cluster that is chosen. All others are about this one, or about none. */
const OF_ANY_CLUSTER: ReadonlySet<string> = new Set([
  "",
  "nodes",
  "sessions",
  "session",
  "recordings",
  "player",
  "audit",
]);

export function isOfAnyCluster(path: string): boolean {
  return OF_ANY_CLUSTER.has(path.split("/")[1] ?? "");
}

/** The place after a login: where the user was, and never another site. */
export function placeAfterLogin(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) && !next.startsWith("/login") ? next : "/nodes";
}
