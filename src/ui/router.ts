/**
 * Where in the interface the user is: the address bar, read and written without loading a page.
 * @module
 */
import { Cell } from "./cell.ts";

/** A place of the interface. */
export interface Place {
  /** Below `/web`, without a slash at the end: `/nodes`, `/sessions/<id>`. */
  path: string;
  query: URLSearchParams;
}

const BASE = "/web";

/** The place that is shown. */
export const place = new Cell<Place>(read());

addEventListener("popstate", () => place.set(read()));

function read(): Place {
  return { path: inside(location.pathname), query: new URLSearchParams(location.search) };
}

/** `/web/nodes/` is `/nodes`, and so is `/web/cluster/main/nodes`: there is one cluster to a proxy here. */
function inside(pathname: string): string {
  const path = pathname.slice(BASE.length).replace(/\/+$/, "");
  return path.replace(/^\/cluster\/[^/]+(?=\/|$)/, "") || "/";
}

/** The address of a place. */
export function href(path: string, query: Record<string, string> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `${BASE}${path === "/" ? "" : path}${search === "" ? "" : `?${search}`}`;
}

/** Goes to a place. `replace`: the one before is not to be come back to. */
export function go(
  path: string,
  { query, replace = false }: { query?: Record<string, string>; replace?: boolean } = {},
): void {
  const address = href(path, query);
  if (address === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
  place.set(read());
}

/** Changes one word of the query; an empty value takes it out. */
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value === "") query.delete(name);
  else query.set(name, value);
  go(place.value.path, { query: Object.fromEntries(query), replace: true });
}

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

/** The place after a login: where the user was, and never another site. */
export function placeAfterLogin(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) && !next.startsWith("/login") ? next : "/nodes";
}
