/**
 * The audit events of forwarding: one for each wish, granted or not.
 * @module
 */
import { messageOf } from "../../base/errors.ts";
import type { EventValue } from "../../model/event.ts";
import { connectionFields, type NodeConnection, type NodeContext } from "../context.ts";

/** What is forwarded: a connection from here, connections that come in here, an agent, windows. */
export type Forwarded = "connection" | "listener" | "agent" | "x11";

const MAX_NAME = 300;

/** A host or a path that a client named, as an event shows it. */
export function nameForAudit(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.slice(0, MAX_NAME).replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

/**
 * Runs what a client wishes, and reports how it went.
 * @param address what it is about: an address or a path
 * @param outcome what there is to say about a success
 */
export async function audited<T>(
  node: NodeContext,
  connection: NodeConnection,
  forwarded: Forwarded,
  address: string,
  run: () => T | Promise<T>,
  outcome: (result: T) => Record<string, EventValue> = () => ({}),
): Promise<T> {
  const report = reporter(node, connection, forwarded, address);
  try {
    const result = await run();
    report(undefined, outcome(result));
    return result;
  } catch (error) {
    report(error);
    throw error;
  }
}

/** {@linkcode audited} for what is done at once. */
export function auditedNow<T>(
  node: NodeContext,
  connection: NodeConnection,
  forwarded: Forwarded,
  address: string,
  run: () => T,
): T {
  const report = reporter(node, connection, forwarded, address);
  try {
    const result = run();
    report();
    return result;
  } catch (error) {
    report(error);
    throw error;
  }
}

function reporter(node: NodeContext, connection: NodeConnection, forwarded: Forwarded, address: string) {
  return (error?: unknown, more: Record<string, EventValue> = {}) =>
    node.emit({
      event: "port",
      ...more,
      forwarded,
      addr: address,
      ...connectionFields(node, connection),
      success: error === undefined,
      error: error === undefined ? undefined : messageOf(error),
    });
}
