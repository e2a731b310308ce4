/**
 * The language of a rule's `where`: `contains(list, value)` and `equals(a, b)` over the user and the resource, with
 * `&&`, `||`, `!` and parentheses.
 *
 *     contains(user.spec.traits["groups"], "ops") && !equals(resource.metadata.name, "admin")
 *
 * It is total: a field that is not there is an empty text, and what depends on a resource that is not known yet is
 * neither true nor false (Kleene's logic), so that the caller can decide on the safe side. Nothing in it loops.
 * @module
 */
import { AppError } from "../base/errors.ts";

/** What a condition may refer to: `user...`, `resource...`, `session...`. */
export type WhereScope = Readonly<Record<string, unknown>>;

/** True, false, or undefined: it depends on what is not known. */
export type Tri = boolean | undefined;

/** A parsed condition. A root of the scope that is absent is not known; one that is there is known whole. */
export type Condition = (scope: WhereScope) => Tri;

const MAX_LENGTH = 1024;
const MAX_DEPTH = 16;
const ROOTS = ["user", "resource", "session"];

/** A text, a list of texts, or undefined when it is not known. */
type Value = string | readonly string[] | undefined;
type Operand = (scope: WhereScope) => Value;

interface Token {
  kind: "name" | "text" | "sign" | "end";
  text: string;
  at: number;
}

/** @throws {AppError} bad_input that names the place */
export function parseWhere(source: string): Condition {
  if (source.length > MAX_LENGTH) {
    throw new AppError("bad_input", `a "where" may have ${MAX_LENGTH} characters at most`);
  }
  return new Parser(tokensOf(source)).whole();
}

function fail(at: number, problem: string): never {
  throw new AppError("bad_input", `"where", character ${at + 1}: ${problem}`);
}

/** One token at a time: blanks, a name, a text in quotes, or a sign. */
const TOKEN =
  /\s*(?:([A-Za-z_][A-Za-z0-9_-]*)|"((?:[^"\\]|\\["\\])*)"|'((?:[^'\\]|\\['\\])*)'|(&&|\|\||[!().,[\]]))/y;

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  const end = source.trimEnd().length;
  let at = 0;
  while (at < end) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    if (!match) fail(source.slice(at).search(/\S/) + at, "this is not understood");
    const [, name, double, single, sign] = match;
    const quoted = double ?? single;
    const start = match.index + (match[0].length - match[0].trimStart().length);
    if (name !== undefined) tokens.push({ kind: "name", text: name, at: start });
    else if (quoted !== undefined) {
      tokens.push({ kind: "text", text: quoted.replace(/\\(.)/g, "$1"), at: start });
    } else tokens.push({ kind: "sign", text: sign ?? "", at: start });
    at = TOKEN.lastIndex;
  }
  tokens.push({ kind: "end", text: "", at: end });
  return tokens;
}

/** Recursive descent; the depth is bounded, the length already is. */
class Parser {
  #next = 0;
  #depth = 0;

  constructor(readonly tokens: readonly Token[]) {}

  whole(): Condition {
    const condition = this.#either();
    const { kind, at, text } = this.#peek();
    if (kind !== "end") fail(at, `"${text}" is not expected here`);
    return condition;
  }

  #peek(): Token {
    return this.tokens[this.#next] ?? { kind: "end", text: "", at: 0 };
  }

  #take(): Token {
    const token = this.#peek();
    this.#next++;
    return token;
  }

  #sign(text: string): boolean {
    const token = this.#peek();
    if (token.kind !== "sign" || token.text !== text) return false;
    this.#next++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#sign(text)) fail(this.#peek().at, `"${text}" is missing`);
  }

  #either(): Condition {
    const parts = [this.#both()];
    while (this.#sign("||")) parts.push(this.#both());
    return (scope) => any(parts.map((part) => part(scope)));
  }

  #both(): Condition {
    const parts = [this.#one()];
    while (this.#sign("&&")) parts.push(this.#one());
    return (scope) => all(parts.map((part) => part(scope)));
  }

  #one(): Condition {
    if (++this.#depth > MAX_DEPTH) fail(this.#peek().at, `it is nested more than ${MAX_DEPTH} deep`);
    try {
      if (this.#sign("!")) {
        const condition = this.#one();
        return (scope) => not(condition(scope));
      }
      if (this.#sign("(")) {
        const condition = this.#either();
        this.#expect(")");
        return condition;
      }
      return this.#call();
    } finally {
      this.#depth--;
    }
  }

  #call(): Condition {
    const { kind, text, at } = this.#take();
    if (kind !== "name" || (text !== "contains" && text !== "equals")) {
      fail(at, 'expected contains(list, value), equals(a, b), "!" or "("');
    }
    this.#expect("(");
    const left = this.#operand();
    this.#expect(",");
    const right = this.#operand();
    this.#expect(")");
    return (scope) => {
      const [a, b] = [left(scope), right(scope)];
      if (a === undefined || b === undefined) return undefined;
      return text === "contains" ? contains(a, b) : equals(a, b);
    };
  }

  #operand(): Operand {
    const { kind, text, at } = this.#take();
    if (kind === "text") return () => text;
    if (kind !== "name" || !ROOTS.includes(text)) {
      fail(at, `expected a text in quotes or a field of ${ROOTS.join(", ")}`);
    }
    const path: string[] = [];
    for (;;) {
      if (this.#sign(".")) {
        const part = this.#take();
        if (part.kind !== "name") fail(part.at, "a field's name is missing");
        path.push(part.text);
      } else if (this.#sign("[")) {
        const part = this.#take();
        if (part.kind !== "text") fail(part.at, "a text in quotes is missing");
        this.#expect("]");
        path.push(part.text);
      } else if (path.length === 0) fail(this.#peek().at, `which field of ${text}?`);
      else return (scope) => valueAt(scope, text, path);
    }
  }
}

/** Own fields only: no prototype's field can be named. */
function valueAt(scope: WhereScope, root: string, path: readonly string[]): Value {
  let value: unknown = Object.hasOwn(scope, root) ? scope[root] : undefined;
  if (value === undefined) return undefined;
  for (const name of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "";
    value = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
  }
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}

function contains(list: string | readonly string[], wanted: string | readonly string[]): boolean {
  if (typeof wanted !== "string") return false;
  return typeof list === "string" ? list !== "" && list === wanted : list.includes(wanted);
}

/** Lists are equal when they hold the same texts in the same order. */
function equals(a: string | readonly string[], b: string | readonly string[]): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

const not = (value: Tri): Tri => value === undefined ? undefined : !value;

function any(values: readonly Tri[]): Tri {
  if (values.includes(true)) return true;
  return values.includes(undefined) ? undefined : false;
}

function all(values: readonly Tri[]): Tri {
  if (values.includes(false)) return false;
  return values.includes(undefined) ? undefined : true;
}
