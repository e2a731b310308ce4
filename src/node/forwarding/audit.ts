/**
 * The audit events of forwarding: one for each wish, granted or not.
 * @module
 */
import { messageOf } from "../../base/errors.ts";
import { connectionFields, type NodeConnection, type NodeContext } from "../context.ts";

/** What is forwarded: a connection from here, connections that come in here, an agent, windows. */
export type Forwarded = "connection" | "listener" | "agent" | "x11";

const MAX_NAME = 300;

/** A host or a path that a client named, as an event shows it. */
export function nameForAudit(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.slice(0, MAX_NAME).replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

/** Runs what a client wishes, and reports how it went. `address` says what it is about: an address or a path. */
export async function audited<T>(
  node: NodeContext,
  connection: NodeConnection,
  forwarded: Forwarded,
  address: string,
  run: () => T | Promise<T>,
): Promise<T> {
  const report = reporter(node, connection, forwarded, address);
  try {
    const result = await run();
    report();
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
  return (error?: unknown) =>
    node.emit({
      event: "port",
      forwarded,
      addr: address,
      ...connectionFields(node, connection),
      success: error === undefined,
      error: error === undefined ? undefined : messageOf(error),
    });
}
