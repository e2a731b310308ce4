/**
 * Where in the interface the user is: the address bar, read and written without loading a page.
 * @module
 */
import { Cell } from "./cell.ts";
import { clusterIn, pathOf } from "./route.ts";

/** A place of the interface. */
export interface Place {
  /** Below `/web`, without a slash at the end: `/nodes`, `/sessions/<id>`. */
  path: string;
  query: URLSearchParams;
}

const BASE = "/web";

/** The place that is shown. */
export const place = new Cell<Place>(read());

let moved = false;

addEventListener("popstate", () => move());

/** Whether the user came to this place within the interface; else the browser has just loaded it. */
export function hasMoved(): boolean {
  return moved;
}

function move(): void {
  moved = true;
  place.set(read());
}

function read(): Place {
  const query = new URLSearchParams(location.search);
  const cluster = clusterIn(location.pathname);
  if (cluster !== undefined && !query.has("cluster")) query.set("cluster", cluster);
  return { path: pathOf(location.pathname), query };
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
  move();
}

/** Changes one word of the query; an empty value takes it out. */
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(place.value.query);
  if (value === "") query.delete(name);
  else query.set(name, value);
  go(place.value.path, { query: Object.fromEntries(query), replace: true });
}
