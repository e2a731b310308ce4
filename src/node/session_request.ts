/**
 * What a session channel on a node asked for, handed to whatever runs it.
 * @module
 */
import type { SessionRequest as AnyRequest } from "../session/session_request.ts";
import type { NodeConnection, NodeContext } from "./context.ts";

/** Everything known about a session before it starts. */
export interface SessionRequest extends AnyRequest {
  readonly node: NodeContext;
  readonly connection: NodeConnection;
  /** Of a session that is recorded or shown, here or by a proxy. */
  readonly sid: string;
  readonly env: ReadonlyMap<string, string>;
}
