/**
 * From what an identity provider says of somebody to roles. A mapping's value is a word, a pattern with `*`, or a regular
 * expression between `^` and `$` whose groups the names of roles may take up as `$1`. No case is folded.
 * @module
 */

/** Facts as a provider tells them: each with one or more values. */
export type Claims = Readonly<Record<string, readonly string[]>>;

export interface ClaimMapping {
  claim: string;
  value: string;
  roles: readonly string[];
}

/** Longer values are no group's name, and no food for regular expressions. */
const MAX_VALUE = 512;

/** The roles that the claims are worth, without repetitions. */
export function mappedRoles(mappings: readonly ClaimMapping[], claims: Claims): string[] {
  const roles = new Set<string>();
  for (const { claim, value, roles: named } of mappings) {
    if (!Object.hasOwn(claims, claim)) continue;
    const pattern = patternOf(value);
    for (const told of claims[claim] ?? []) {
      if (told.length > MAX_VALUE) continue;
      const match = pattern.exec(told);
      if (match) { for (const name of named) roles.add(filled(name, match)); }
    }
  }
  return [...roles].filter((name) => name !== "");
}

/** What is wrong with a mapping's value; undefined when it is good. */
export function patternProblem(value: string): string | undefined {
  if (!isExpression(value)) return undefined;
  // A repeated group that repeats inside takes for ever on a hostile value.
  if (/\([^()]*[*+{][^()]*\)\s*[*+{]/.test(value) || /\\[1-9]|\(\?[=!<]/.test(value)) {
    return "repeats a repetition, looks around or refers back: write it more simply";
  }
  try {
    new RegExp(value, "u");
    return undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return "is no regular expression";
  }
}

function isExpression(value: string): boolean {
  return value.startsWith("^") && value.endsWith("$");
}

function patternOf(value: string): RegExp {
  if (isExpression(value) && patternProblem(value) === undefined) return new RegExp(value, "u");
  const words = value.split("*").map((word) => word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return new RegExp(`^${words.join("[^]*")}$`);
}

/** `$1` and `${1}` in a role's name. A group that took part in nothing leaves no role. */
function filled(name: string, match: RegExpExecArray): string {
  let missing = false;
  const text = name.replace(/\$(\d)|\$\{(\d)\}/g, (_all, plain, braced) => {
    const group = match[Number(plain ?? braced)];
    if (group === undefined || group === "") missing = true;
    return group ?? "";
  });
  return missing ? "" : text;
}
