/**
 * What the process that serves files tells the node, one JSON text a line: which files it has open, and what it has done
 * or refused to do. The node makes audit events of it.
 * @module
 */

/** Everything that is audited. `list` and `stat` are reported only when they are refused. */
export const FILE_ACTIONS = [
  "read",
  "write",
  "remove",
  "rename",
  "mkdir",
  "rmdir",
  "setstat",
  "symlink",
  "link",
  "list",
  "stat",
] as const;
export type FileAction = (typeof FILE_ACTIONS)[number];

/** Something done to a file, or refused. */
export interface Deed {
  action: FileAction;
  /** Absolute, as the client named it. */
  path: string;
  /** Where the opened file really is, when links led elsewhere. */
  real?: string;
  /** The second path of a rename or link. */
  target?: string;
  /** Bytes that were read or written. */
  len?: number;
  /** What changed, such as `mode=0644`. */
  change?: string;
  /** Why it failed; absent when it did not. */
  error?: string;
}

export type Report =
  /** A file is open from now on, under a number of its own. */
  | { type: "opened"; id: number; action: FileAction; path: string }
  /** Done; `id` when it closes what was opened. */
  | { type: "done"; id?: number; deed: Deed }
  /** A fault in the process itself. */
  | { type: "fault"; text: string };

/** The longest text in a report, in characters. */
export const MAX_REPORT_TEXT = 8192;
/** The longest line: five texts, each character escaped. */
export const MAX_REPORT_LINE = 5 * 6 * MAX_REPORT_TEXT + 1024;

/** A report that came in, or undefined for one that is not well-formed. */
export function parseReport(line: string): Report | undefined {
  const value = parseObject(line);
  switch (value?.type) {
    case "opened": {
      const { id, action, path } = value;
      if (!isId(id) || !isAction(action) || !isText(path)) return undefined;
      return { type: "opened", id, action, path };
    }
    case "done": {
      const deed = parseDeed(value.deed);
      if (deed === undefined || value.id !== undefined && !isId(value.id)) return undefined;
      return { type: "done", id: value.id, deed };
    }
    case "fault":
      return isText(value.text) ? { type: "fault", text: value.text } : undefined;
  }
  return undefined;
}

function parseDeed(value: unknown): Deed | undefined {
  if (!isObject(value)) return undefined;
  const { action, path, real, target, len, change, error } = value;
  if (!isAction(action) || !isText(path)) return undefined;
  if (![real, target, change, error].every((text) => text === undefined || isText(text))) return undefined;
  if (len !== undefined && !isCount(len)) return undefined;
  return { action, path, real, target, len, change, error } as Deed;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_REPORT_TEXT;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isId(value: unknown): value is number {
  return isCount(value);
}

function isAction(value: unknown): value is FileAction {
  return FILE_ACTIONS.some((action) => action === value);
}
