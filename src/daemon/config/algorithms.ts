/**
 * The keys `ciphers`, `kex_algos` and `mac_algos`: which algorithms the SSH servers and clients of this daemon use.
 * @module
 */
import { type Algorithms, DEFAULT_ALGORITHMS, standingOf, usableNames } from "../../ssh/algorithms.ts";
import { ALGORITHM_KEYS } from "./algorithm_name.ts";
import { quote } from "../../base/quote.ts";
import type { Sources } from "./sections.ts";

/**
 * The administrator's choice, or undefined when none of the keys is there. Names that are too weak, or that this build
 * does not have, are left out with a warning; a list of which nothing is left is a fault.
 */
export function algorithmChoice({ settings, file, warnings, faults }: Sources): Algorithms | undefined {
  const choice = { ...DEFAULT_ALGORITHMS };
  let chosen = false;
  for (const { key, family, what } of Object.values(ALGORITHM_KEYS)) {
    const names = settings.teleport[key];
    if (names === undefined) continue;
    chosen = true;
    const offered = new Set<string>();
    for (const [index, name] of names.entries()) {
      const standing = standingOf(family, name);
      if (standing === "offered") {
        offered.add(name);
        continue;
      }
      const why = standing === "weak" ? "is too weak" : "is not available in this build";
      const place = file.place(["teleport", key, index]);
      warnings.push(`${place}: ${what} ${quote(name)} ${why}: it is not offered`);
    }
    if (offered.size === 0) {
      const place = file.place(["teleport", key]);
      faults.add(
        `${place}: "teleport.${key}" leaves no ${what} to offer; use some of: ${
          usableNames(family).join(", ")
        }`,
      );
      continue;
    }
    choice[family] = [...offered];
  }
  return chosen ? choice : undefined;
}
