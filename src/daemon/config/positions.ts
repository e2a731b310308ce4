/**
 * Where each key of a YAML text stands, for error messages. The YAML parser gives no positions of values, so this
 * reads the text a second time: block mappings, lists, flow collections, quoted and block scalars. It is an index for
 * messages, not a parser: on what it does not understand it only knows less, and the parent's place is used.
 * @module
 */

/** A place in a text; line and column count from 1. */
export interface Position {
  line: number;
  column: number;
}

/** Keys and list indexes from the root, e.g. `["ssh_service", "commands", 0, "name"]`. */
export type KeyPath = readonly (string | number)[];

interface Frame {
  indent: number;
  isList: boolean;
  path: KeyPath;
  /** The last key or item seen: what is indented below belongs to it. */
  child: KeyPath;
  items: number;
}

/** Flow collections nested deeper than this are not followed. */
const MAX_FLOW_DEPTH = 40;

/** The positions of all keys and list items of one YAML text. */
export class Positions {
  readonly #text: string;
  readonly #found = new Map<string, number>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#scan();
  }

  /** The place of `path`, or of its nearest ancestor that was found; undefined when not even the first key was. */
  find(path: KeyPath): Position | undefined {
    for (let length = path.length; length > 0; length--) {
      const offset = this.#found.get(nameOf(path.slice(0, length)));
      if (offset === undefined) continue;
      const before = this.#text.slice(0, offset).split(/\r\n|\r|\n/);
      return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    }
    return undefined;
  }

  #scan(): void {
    const stack: Frame[] = [];
    while (this.#at < this.#text.length) {
      const lineStart = this.#at;
      this.#skip(/[ \ufeff]*/y);
      if (this.#skip(/(?:#.*)?(?:\r\n|\r|\n|$)/y)) continue;
      if (!this.#skip(/(?:---|\.\.\.|%)[^\r\n]*/y)) this.#block(stack, lineStart);
      this.#skip(/[^\r\n]*(?:\r\n|\r|\n|$)/y);
    }
  }

  /** One line of block style: any number of `- `, then a key or a value. */
  #block(stack: Frame[], lineStart: number): void {
    for (;;) {
      const indent = this.#at - lineStart;
      const start = this.#at;
      const isList = this.#skip(/-(?=[ \r\n]|$) */y);
      const key = isList ? undefined : this.#key();
      if (!isList && key === undefined) {
        this.#value(stack.at(-1)?.child ?? [], indent - 1);
        return;
      }
      const frame = frameAt(stack, indent, isList);
      frame.child = [...frame.path, key ?? frame.items++];
      this.#note(frame.child, start);
      if (key !== undefined) {
        this.#value(frame.child, indent);
        return;
      }
      if (/[\r\n]|$/y.test(this.#text.slice(this.#at, this.#at + 1))) return;
    }
  }

  /** Reads `key:` and the blanks behind it; leaves the cursor alone when there is none. */
  #key(): string | undefined {
    const start = this.#at;
    const quoted = this.#quoted();
    const plain = quoted === undefined
      ? this.#match(/[^\s#"'[\]{},&*!|>%@`:](?:[^:#\r\n]|:(?=\S)|(?<=\S)#)*/y)
      : undefined;
    if ((quoted ?? plain) !== undefined && this.#skip(/ *:(?=[\s]|$)[ \t]*/y)) {
      return quoted ?? plain?.trimEnd();
    }
    this.#at = start;
    return undefined;
  }

  /** Passes over a value that follows a key or stands alone; `indent` is the owner's, for block scalars. */
  #value(path: KeyPath, indent: number): void {
    this.#skip(/(?:[&!][^\s]*[ \t]+)*/y);
    const next = this.#text[this.#at];
    if (next === "{" || next === "[") this.#flow(path, 0);
    else if (next === '"' || next === "'") this.#quoted();
    else if (this.#skip(/[|>][^\r\n]*/y)) this.#blockScalar(Math.max(indent, 0) + 1);
  }

  /** Passes over the lines of a block scalar, up to the end of its last line. */
  #blockScalar(indent: number): void {
    const line = new RegExp(`(?:\\r\\n|\\r|\\n)(?: {${indent},}[^\\r\\n]*|[ \\t]*(?=[\\r\\n]))`, "y");
    while (this.#skip(line));
  }

  /** A flow mapping or list, the cursor on its opening bracket. */
  #flow(path: KeyPath, depth: number): void {
    const isList = this.#text[this.#at++] === "[";
    const close = isList ? "]" : "}";
    for (let item = 0; this.#at < this.#text.length;) {
      this.#skip(/(?:\s|,|(?<=\s)#.*)*/y);
      const start = this.#at;
      if (this.#text[start] === close) {
        this.#at++;
        return;
      }
      const key = isList ? item++ : this.#quoted() ?? this.#match(/[^,:{}[\]\r\n]*/y)?.trim() ?? "";
      const child = [...path, key];
      this.#note(child, start);
      if (!isList) this.#skip(/\s*:\s*/y);
      this.#skip(/(?:[&!][^\s,{}[\]]*\s+)*/y);
      const next = this.#text[this.#at];
      if (next === "{" || next === "[") {
        if (depth >= MAX_FLOW_DEPTH) this.#at = this.#text.length;
        else this.#flow(child, depth + 1);
      } else if (this.#quoted() === undefined) this.#skip(/[^,{}[\]]*/y);
      // A bracket that closes nothing: step over it, for the cursor must always move.
      if (this.#at === start) this.#at++;
    }
  }

  /** The content of a quoted scalar at the cursor, escapes left as they are; undefined when there is none. */
  #quoted(): string | undefined {
    const raw = this.#match(/"[^"\\]*(?:\\[^][^"\\]*)*"/y) ?? this.#match(/'[^']*(?:''[^']*)*'/y);
    return raw?.slice(1, -1);
  }

  #note(path: KeyPath, offset: number): void {
    const name = nameOf(path);
    if (!this.#found.has(name)) this.#found.set(name, offset);
  }

  #skip(pattern: RegExp): boolean {
    return this.#match(pattern) !== undefined;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0];
    if (text !== undefined) this.#at += text.length;
    return text;
  }
}

/** The open frame a line of this indent belongs to; deeper ones are closed, a new one is opened if needed. */
function frameAt(stack: Frame[], indent: number, isList: boolean): Frame {
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    // A list may stand at the same indent as the key that holds it; the next key at that indent ends the list.
    if (top.indent < indent || (top.indent === indent && (top.isList === isList || isList))) break;
    stack.pop();
  }
  const top = stack.at(-1);
  if (top?.indent === indent && top.isList === isList) return top;
  const path = top?.child ?? [];
  const frame: Frame = { indent, isList, path, child: path, items: 0 };
  stack.push(frame);
  return frame;
}

function nameOf(path: KeyPath): string {
  return JSON.stringify(path.map(String));
}
