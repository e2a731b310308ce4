/**
 * The server side of the contract: checks the access rule, then the input, then calls the handler.
 * @module
 */
import type { Duplex } from "node:stream";
import * as v from "valibot";
import { ErrorCodes, ResponseError } from "vscode-jsonrpc";
import { AppError, isAppError } from "../base/errors.ts";
import type { AccessChecker } from "../model/access.ts";
import type { AuditEvent } from "../model/event.ts";
import { describe, type Identity, type UserIdentity } from "../model/identity.ts";
import type { ApiCaller } from "./access.ts";
import {
  type Collection,
  contract,
  type Input,
  MAX_MESSAGE_BYTES,
  type Method,
  type Output,
} from "./contract.ts";
import { isLogged } from "./refusal.ts";
import { rpcConnection } from "./wire.ts";

/** Who calls, and from where. */
export interface CallContext extends ApiCaller {
  /** The caller's IP address. */
  address: string;
  /** Sends `changed` notifications on this connection until it closes. */
  watch(): void;
  /** Has events sent on this connection until it closes; in place of those it asked for before. */
  follow(start: (watcher: EventWatcher) => { stop(): void }): void;
}

/** The side of a connection that is told of events. */
export interface EventWatcher {
  /** Resolves when there is room for more. */
  send(events: AuditEvent[]): Promise<void>;
  /** Closes the connection. */
  end(): void;
}

export type Handlers = { [M in Method]: (input: Input<M>, context: CallContext) => Promise<Output<M>> };

/** A number JSON-RPC leaves to applications; the closed set of codes travels in `data`. */
const APP_ERROR = -32000;
const MAX_JOINER_MESSAGE_BYTES = 64 * 1024;
const MAX_CONCURRENT_CALLS = 256;

let callsNow = 0;

/** How many calls are being answered, on all connections of this thread. */
export function runningCalls(): number {
  return callsNow;
}

/** Hooks of the service that serves the API. */
export interface ServeOptions {
  handlers: Handlers;
  identity: Identity;
  address: string;
  /** Whether the authority behind a caller is trusted still. */
  isTrusted(identity: Identity): boolean;
  /** What a user may do now. @throws {AppError} access_denied when they may do nothing any more */
  rightsOf(identity: UserIdentity): Promise<AccessChecker>;
  onWatch(notify: (collection: Collection) => void): { stop(): void };
  /** An unexpected failure, whose text the caller must not see. */
  onFault(method: string, error: unknown): void;
  onDenied(method: string, identity: Identity, reason: string): void;
}

/** Serves one caller on one channel. Resolves when the channel is closed. */
export function serveApi(stream: Duplex, options: ServeOptions): Promise<void> {
  const { identity } = options;
  const bound = identity.kind === "joiner" ? MAX_JOINER_MESSAGE_BYTES : MAX_MESSAGE_BYTES;
  const connection = rpcConnection(stream, bound);
  let watcher: { stop(): void } | undefined;
  let follower: { stop(): void } | undefined;
  let running = 0;
  let open = true;
  const context: CallContext = {
    identity,
    address: options.address,
    watch() {
      watcher ??= options.onWatch((collection) => void connection.sendNotification("changed", collection));
    },
    follow(start) {
      follower?.stop();
      follower = start({
        send: async (events) => {
          if (open) await connection.sendNotification("events", events);
        },
        end: () => connection.end(),
      });
    },
  };
  connection.onRequest(async (method, params) => {
    if (running >= MAX_CONCURRENT_CALLS) return failure(new AppError("limit", "too many calls at once"));
    running++;
    callsNow++;
    try {
      return await dispatch(method, Array.isArray(params) ? params[0] : params, context, options);
    } catch (error) {
      if (!isAppError(error)) options.onFault(method, error);
      return failure(error);
    } finally {
      running--;
      callsNow--;
    }
  });
  return new Promise((resolve) => {
    connection.onError(() => {}); // a malformed frame closes the stream, and that ends the connection
    connection.onClose(() => {
      open = false;
      watcher?.stop();
      follower?.stop();
      connection.dispose();
      resolve();
    });
    connection.listen();
  });
}

/** Exported for tests: one call, checked. */
export async function dispatch(
  method: string,
  params: unknown,
  context: CallContext,
  options: Pick<ServeOptions, "handlers" | "onDenied" | "rightsOf" | "isTrusted">,
): Promise<unknown> {
  if (!isMethod(method)) {
    throw new AppError("unsupported", "there is no such call in this version of the API");
  }
  const { identity } = context;
  // Before the connections of a dropped authority end, they hear whom to trust from now on, and no more.
  if (method !== "authorities.list" && !options.isTrusted(identity)) {
    const why = "the authority of this certificate is trusted no more";
    options.onDenied(method, identity, why);
    throw new AppError("access_denied", why);
  }
  const caller = { ...context, rights: await rightsNow(method, identity, options) };
  if (!contract[method].access(caller)) {
    options.onDenied(method, identity, `may not call ${method}`);
    throw new AppError("access_denied", `${describe(identity)} may not call ${method}`);
  }
  try {
    return await call(method, params, caller, options.handlers);
  } catch (error) {
    if (isAppError(error, "access_denied") && !isLogged(error)) {
      options.onDenied(method, identity, `${method}: ${error.message}`);
    }
    throw error;
  }
}

/** Asked for every call: rights that were taken away are gone at once, also on a connection that stands. */
async function rightsNow(
  method: Method,
  identity: Identity,
  { rightsOf, onDenied }: Pick<ServeOptions, "onDenied" | "rightsOf">,
): Promise<AccessChecker | undefined> {
  if (identity.kind !== "user") return undefined;
  try {
    return await rightsOf(identity);
  } catch (error) {
    if (isAppError(error, "access_denied")) onDenied(method, identity, `${method}: ${error.message}`);
    throw error;
  }
}

async function call<M extends Method>(method: M, params: unknown, context: CallContext, handlers: Handlers) {
  const parsed = v.safeParse(contract[method].input, params ?? {});
  if (!parsed.success) {
    const issue = parsed.issues[0];
    const where = issue.path?.map((part) => String(part.key)).join(".");
    // The received value is left out on purpose: it may be a password.
    throw new AppError("bad_input", `${method}: ${where ? `${where}: ` : ""}${issueText(issue)}`);
  }
  return await handlers[method](parsed.output as Input<M>, context);
}

function issueText(issue: v.BaseIssue<unknown>): string {
  return issue.kind === "schema"
    ? `expected ${issue.expected ?? "another value"}`
    : issue.message.slice(0, 100);
}

function isMethod(name: string): name is Method {
  return Object.hasOwn(contract, name);
}

function failure(error: unknown): ResponseError<{ code: string }> {
  if (isAppError(error)) return new ResponseError(APP_ERROR, error.message, { code: error.code });
  return new ResponseError(
    ErrorCodes.InternalError,
    "internal error; the auth server's log has the details",
    {
      code: "internal",
    },
  );
}
