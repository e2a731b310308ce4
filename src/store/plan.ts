/**
 * A commit as stores want it that allow one condition and one write for each key.
 * @module
 */
import { AppError } from "../base/errors.ts";
import { type Key, MAX_COMMIT, type Operation } from "./backend.ts";

/** What a commit asks of one key, and does with it. */
export interface PlannedKey {
  key: Key;
  /** The version that the key must have; undefined: it must be absent. */
  check?: { version: string | undefined };
  write?: Extract<Operation, { type: "put" | "delete" }>;
}

/**
 * Brings the operations together by key.
 * @returns undefined when two checks of one key contradict each other: such a commit can only fail
 */
export function planCommit(operations: readonly Operation[]): PlannedKey[] | undefined {
  if (operations.length > MAX_COMMIT) {
    throw new AppError("bad_input", `a commit of ${operations.length} operations is more than a store takes`);
  }
  const plan = new Map<string, PlannedKey>();
  for (const operation of operations) {
    const name = JSON.stringify(operation.key);
    const planned = plan.get(name) ?? { key: operation.key };
    plan.set(name, planned);
    if (operation.type !== "check") planned.write = operation;
    else if (planned.check && planned.check.version !== operation.version) return undefined;
    else planned.check = { version: operation.version };
  }
  return [...plan.values()];
}
