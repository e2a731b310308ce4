/**
 * Whether the window is narrow, as on a phone; the style sheets have the same bound.
 * @module
 */
import { Cell, useCell } from "./cell.ts";

const query = matchMedia("(max-width: 48rem)");
const narrow = new Cell(query.matches);

query.addEventListener("change", () => narrow.set(query.matches));

export function useNarrow(): boolean {
  return useCell(narrow);
}
