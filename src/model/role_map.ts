/**
 * What the roles of another cluster's users mean in this one. A remote role is written whole, or with stars: each stands
 * for any text, and `$1`, `$2` in the local names for what the first and second have stood for.
 * @module
 */

/** One line of a role map. */
export interface RoleMapping {
  /** A role of the other cluster, perhaps with stars. */
  remote: string;
  /** Roles of this one. */
  local: readonly string[];
}

/** Of a trusted cluster without a role map: all that the open edition knew was the role `admin`. */
export const DEFAULT_ROLE_MAP: readonly RoleMapping[] = [{ remote: "admin", local: ["admin"] }];

/** More stars than that in one name mean nothing anybody could want, and cost time. */
const MAX_STARS = 4;

/** Why a line makes no sense, or undefined. */
export function mappingProblem({ remote, local }: RoleMapping): string | undefined {
  const stars = remote.split("*").length - 1;
  if (remote === "") return "the remote role is empty";
  if (stars > MAX_STARS) return `more than ${MAX_STARS} stars in "${remote}"`;
  for (const name of local) {
    const used = [...name.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number));
    const wrong = used.find((number) => number < 1 || number > stars);
    if (wrong !== undefined) return `"${name}" names star ${wrong} of "${remote}", which has ${stars}`;
  }
  return undefined;
}

/** The local roles that somebody with these remote roles gets; none when nothing fits. */
export function mapRoles(map: readonly RoleMapping[], remote: readonly string[]): string[] {
  const found = map.flatMap((mapping) =>
    remote.flatMap((role) => {
      const stars = matchStars(mapping.remote, role);
      return stars === undefined ? [] : mapping.local.map((name) => withStars(name, stars));
    })
  );
  return [...new Set(found)];
}

/** What each star of a pattern stands for in a text that fits as a whole; undefined when it does not. */
function matchStars(pattern: string, text: string): string[] | undefined {
  const [first = "", ...parts] = pattern.split("*");
  if (parts.length === 0) return text === first ? [] : undefined;
  if (!text.startsWith(first)) return undefined;
  const stars: string[] = [];
  let at = first.length;
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    const found = isLast ? text.length - part.length : text.indexOf(part, at);
    if (found < at || !text.startsWith(part, found)) return undefined;
    stars.push(text.slice(at, found));
    at = found + part.length;
  }
  return stars;
}

function withStars(name: string, stars: readonly string[]): string {
  return name.replace(/\$(\d+)/g, (_, number) => stars[Number(number) - 1] ?? "");
}
