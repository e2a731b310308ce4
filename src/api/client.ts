/**
 * The client side of the contract, typed by it.
 * @module
 */
import type { Duplex } from "node:stream";
import { ConnectionError, type MessageConnection, ResponseError } from "vscode-jsonrpc";
import { AppError, isErrorCode, messageOf } from "../base/errors.ts";
import type { AuditEvent } from "../model/event.ts";
import type { Collection, Input, Method, Output } from "./contract.ts";
import { rpcConnection } from "./wire.ts";

/** The largest answer accepted; the contract's own bound, without importing the contract at run time. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const CALL_TIMEOUT_MS = 30_000;

/** Anything that can make calls: a connection, or something that reconnects. */
export interface Caller {
  call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>>;
}

/** The API on one channel. */
export class ApiClient implements Caller {
  readonly #connection: MessageConnection;
  readonly closed: Promise<void>;
  #open = true;
  #onChanged: ((collection: Collection) => void) | undefined;
  #onEvents: ((events: AuditEvent[]) => void) | undefined;
  readonly #abandon = new Set<(error: AppError) => void>();

  constructor(stream: Duplex) {
    this.#connection = rpcConnection(stream, MAX_ANSWER_BYTES);
    this.#connection.onNotification("changed", (collection: Collection) => this.#onChanged?.(collection));
    this.#connection.onNotification("events", (events: AuditEvent[]) => this.#onEvents?.(events));
    this.#connection.onError(() => stream.destroy());
    this.closed = new Promise((resolve) => {
      this.#connection.onClose(() => {
        this.#open = false;
        for (const abandon of this.#abandon) {
          abandon(new AppError("closed", "the auth server closed the connection"));
        }
        resolve();
      });
    });
    this.#connection.listen();
  }

  async call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>> {
    if (!this.#open) throw new AppError("closed", "the connection to the auth server is closed");
    const { promise: broken, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new AppError("timeout", `the auth server did not answer ${method} in time`)),
      CALL_TIMEOUT_MS,
    );
    this.#abandon.add(reject);
    try {
      return await Promise.race([this.#connection.sendRequest<Output<M>>(method, input), broken]);
    } catch (error) {
      throw toAppError(method, error);
    } finally {
      clearTimeout(timer);
      this.#abandon.delete(reject);
    }
  }

  /** Calls `onChanged` whenever the server says that a collection changed. */
  async watch(onChanged: (collection: Collection) => void): Promise<void> {
    this.#onChanged = onChanged;
    await this.call("changes.watch", {});
  }

  /** Calls `onEvents` with audit events as they are written, until the connection closes. */
  async follow(
    filter: Input<"events.follow">,
    onEvents: (events: AuditEvent[]) => void,
  ): Promise<void> {
    this.#onEvents = onEvents;
    await this.call("events.follow", filter);
  }

  close(): void {
    this.#connection.end();
  }
}

function toAppError(method: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof ResponseError) {
    const code = (error.data as { code?: unknown } | undefined)?.code;
    return new AppError(isErrorCode(code) ? code : "internal", error.message);
  }
  if (error instanceof ConnectionError) {
    return new AppError("closed", "the connection to the auth server is closed");
  }
  return new AppError("internal", `${method} failed: ${messageOf(error)}`, { cause: error });
}
