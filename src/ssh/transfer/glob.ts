/**
 * Wildcards as in fnmatch(3): `*`, `?`, `[a-z]`, `[!a]`, and a backslash before what is meant literally. Time is bounded by
 * the product of both lengths, because names come from the other side.
 * @module
 */

type Token = { type: "many" } | { type: "one"; matches: (character: string) => boolean };

/** A compiled pattern. */
export interface Glob {
  /** False when it can match nothing but one name. */
  readonly wild: boolean;
  matches(name: string): boolean;
}

export function compileGlob(pattern: string): Glob {
  const tokens = tokenize(Array.from(pattern));
  return {
    wild: tokens.some(({ type }) => type === "many") || /[*?[]/.test(pattern.replace(/\\./gsu, "")),
    matches: (name) => match(tokens, Array.from(name)),
  };
}

function tokenize(characters: string[]): Token[] {
  const tokens: Token[] = [];
  const literal = (wanted: string) =>
    tokens.push({ type: "one", matches: (character) => character === wanted });
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "*") {
      if (tokens.at(-1)?.type !== "many") tokens.push({ type: "many" });
    } else if (character === "?") {
      tokens.push({ type: "one", matches: () => true });
    } else if (character === "[") {
      const set = readSet(characters, at + 1);
      if (set) {
        tokens.push({ type: "one", matches: set.matches });
        at = set.end;
      } else literal("[");
    } else if (character === "\\" && at + 1 < characters.length) {
      literal(characters[++at] ?? "");
    } else literal(character);
  }
  return tokens;
}

/** A set from behind its bracket; undefined when it is never closed. */
function readSet(characters: string[], start: number) {
  const negated = characters[start] === "!" || characters[start] === "^";
  const ranges: [string, string][] = [];
  let at = negated ? start + 1 : start;
  for (const first = at; at < characters.length; at++) {
    let low = characters[at] ?? "";
    if (low === "]" && at > first) {
      const holds = (character: string) => ranges.some(([from, to]) => character >= from && character <= to);
      return { end: at, matches: (character: string) => holds(character) !== negated };
    }
    if (low === "\\" && at + 1 < characters.length) low = characters[++at] ?? "";
    const isRange = characters[at + 1] === "-" && at + 2 < characters.length && characters[at + 2] !== "]";
    ranges.push([low, isRange ? characters[at + 2] ?? "" : low]);
    if (isRange) at += 2;
  }
  return undefined;
}

function match(tokens: readonly Token[], name: readonly string[]): boolean {
  let token = 0, at = 0;
  let star = -1, resume = 0;
  while (at < name.length) {
    const wanted = tokens[token];
    if (wanted?.type === "one" && wanted.matches(name[at] ?? "")) {
      token++;
      at++;
    } else if (wanted?.type === "many") {
      star = token++;
      resume = at;
    } else if (star >= 0) {
      // The last star takes one character more; those before it never have to be looked at again.
      token = star + 1;
      at = ++resume;
    } else return false;
  }
  while (tokens[token]?.type === "many") token++;
  return token === tokens.length;
}

const MAX_ALTERNATIVES = 1024;
/** Characters that are looked at in all; beyond, what is left stays as it is. Unclosed braces would cost their square. */
const MAX_STEPS = 1_000_000;

/** `a{b,c}d` as the patterns `abd` and `acd`, nested ones too. What is not closed stays as it is. */
export function expandBraces(pattern: string): string[] {
  const done: string[] = [];
  const waiting = [pattern];
  const budget = { steps: MAX_STEPS };
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const parts = firstBraces(next, budget);
    if (!parts || waiting.length + done.length + parts.choices.length > MAX_ALTERNATIVES) done.push(next);
    else waiting.unshift(...parts.choices.map((choice) => `${parts.before}${choice}${parts.after}`));
  }
  return done;
}

function firstBraces(
  text: string,
  budget: { steps: number },
): { before: string; choices: string[]; after: string } | undefined {
  for (let open = text.indexOf("{"); open >= 0; open = text.indexOf("{", open + 1)) {
    if (text[open - 1] === "\\") continue;
    const choices: string[] = [];
    let depth = 0, start = open + 1;
    for (let at = open; at < text.length; at++) {
      if (--budget.steps < 0) return undefined;
      const character = text[at];
      if (character === "\\") at++;
      else if (character === "{") depth++;
      else if (character === "," && depth === 1) {
        choices.push(text.slice(start, at));
        start = at + 1;
      } else if (character === "}" && --depth === 0) {
        choices.push(text.slice(start, at));
        if (choices.length < 2) break; // `{}` and `{a}` mean themselves
        return { before: text.slice(0, open), choices, after: text.slice(at + 1) };
      }
    }
  }
  return undefined;
}
