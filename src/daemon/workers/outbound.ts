/**
 * The Worker that calls identity providers: see `daemon/outbound_calls.ts`.
 * @module
 */
import { messageOf } from "../../base/errors.ts";
import type { HttpAnswer } from "../../base/https_call.ts";
import { type OutboundCall, outboundCall } from "../../base/outbound_call.ts";
import type { ConnectProxy } from "../../base/proxy_choice.ts";

export interface ToOutbound {
  id: number;
  call: OutboundCall;
  /** The HTTP proxy on the way, which the supervisor reads from the environment. */
  proxy: ConnectProxy | undefined;
}

export interface FromOutbound {
  id: number;
  answer?: HttpAnswer;
  error?: string;
}

/** The part of a dedicated Worker's global scope that is used here. */
interface WorkerScope {
  postMessage(message: FromOutbound): void;
  onmessage: ((event: MessageEvent<ToOutbound>) => void) | null;
}

const scope = self as unknown as WorkerScope;

scope.onmessage = ({ data: { id, call, proxy } }) => {
  outboundCall(call, proxy).then(
    (answer) => scope.postMessage({ id, answer: { ...answer, headers: { ...answer.headers } } }),
    (error: unknown) => scope.postMessage({ id, error: messageOf(error) }),
  );
};
