/**
 * One role's Worker under supervision: started with its own permissions, restarted with back-off when it crashes or
 * falls silent, asked how it is, stopped on request.
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import { MINUTE, SECOND } from "../base/duration.ts";
import { messageOf } from "../base/errors.ts";
import type { LogEntry } from "../base/log_entry.ts";
import type { HttpAnswer } from "../base/https_call.ts";
import type { OutboundCall } from "../base/outbound_call.ts";
import type { Role } from "./config/daemon_config.ts";
import { workerUrl } from "./worker_url.ts";
import type { FromWorker, StartMessage, ToWorker, WorkerReport } from "./worker_protocol.ts";

export interface RoleProcessOptions {
  role: Role;
  permissions: Deno.PermissionOptionsObject;
  /** The start message; made anew for each start, because sockets are handed over with it. */
  message(): StartMessage;
  clock: Clock;
  onLog(entry: LogEntry): void;
  /** Sends datagrams for the role. */
  sendDatagrams?(target: number, messages: string[]): Promise<void>;
  /** Makes calls to identity providers for the role. */
  callOut?(call: OutboundCall): Promise<HttpAnswer>;
  /** The role was told of the cluster's auth servers. */
  keepAuthServers(addresses: unknown): void;
  /** The Worker has gone, and what it has left behind may need tidying. */
  onCrash(): void;
  /** Something the administrator should know. */
  report(level: "info" | "warn" | "error", text: string): void;
}

const FIRST_RESTART_MS = 250;
const MAX_RESTART_MS = 30 * SECOND;
/** A role that ran this long starts with a short delay again. */
const STABLE_MS = MINUTE;
const SILENCE_MS = MINUTE;
const STOP_MS = 1500;
const REPORT_MS = 2000;

/** How a role is: `waiting` after a crash, until it is started again; `ended` for good. */
export type RolePhase = "starting" | "ready" | "waiting" | "draining" | "ended";

export class RoleProcess {
  readonly #options: RoleProcessOptions;
  /** Settles at the first start: with the reason when it failed for good. */
  readonly ready: Promise<void>;
  #resolveReady: () => void;
  #rejectReady: (reason: unknown) => void;
  #worker: Worker | undefined;
  #stopping = false;
  #stopped: (() => void) | undefined;
  #delay = FIRST_RESTART_MS;
  #startedAt = 0;
  #silence: Timer | undefined;
  #everReady = false;
  #ciphers: string | undefined;
  #phase: RolePhase = "starting";
  #restarts = 0;
  #lastFailure: string | undefined;
  #authLostAt: number | undefined;
  #asked: PromiseWithResolvers<WorkerReport | undefined> | undefined;

  constructor(options: RoleProcessOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    promise.catch(() => {}); // whoever waits sees it
    this.#resolveReady = resolve;
    this.#rejectReady = reject;
    this.#start();
  }

  get role(): Role {
    return this.#options.role;
  }

  /** Who computes the role's packet ciphers; undefined until it is ready. */
  get ciphers(): string | undefined {
    return this.#ciphers;
  }

  get phase(): RolePhase {
    return this.#phase;
  }

  /** How often it was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Why it was started again the last time. */
  get lastFailure(): string | undefined {
    return this.#lastFailure;
  }

  /** Since when it has no connection to auth, in milliseconds since the epoch, five seconds more or less. */
  get authLostAt(): number | undefined {
    return this.#authLostAt;
  }

  #start(): void {
    const { role, permissions, clock } = this.#options;
    this.#phase = "starting";
    this.#startedAt = clock.now();
    const worker = this.#worker = new Worker(workerUrl(role), {
      type: "module",
      name: role,
      deno: { permissions },
    });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#onMessage(worker, data);
    worker.onerror = (event) => {
      event.preventDefault(); // otherwise the error would end the whole daemon
      this.#crashed(worker, event.message);
    };
  }

  #onMessage(worker: Worker, message: FromWorker): void {
    if (worker !== this.#worker) return;
    this.#watchSilence(worker);
    switch (message.type) {
      case "loaded":
        return worker.postMessage(this.#options.message() satisfies ToWorker);
      case "ready":
        if (this.#everReady) this.#options.report("info", "is running again");
        this.#everReady = true;
        if (this.#phase === "starting") this.#phase = "ready";
        this.#ciphers = message.ciphers;
        return this.#resolveReady();
      case "log":
        return this.#options.onLog(message.entry);
      case "beat":
        if (message.authConnected === undefined) return;
        this.#authLostAt = message.authConnected ? undefined : this.#authLostAt ?? this.#options.clock.now();
        return;
      case "report":
        this.#asked?.resolve(message.report);
        return void (this.#asked = undefined);
      case "failed":
        if (message.permanent && !this.#everReady) {
          this.#lose(worker);
          this.#phase = "ended";
          return this.#rejectReady(new Error(message.message));
        }
        return this.#crashed(worker, message.message);
      case "auth_servers":
        return this.#options.keepAuthServers(message.addresses);
      case "datagrams":
        return void this.#sendDatagrams(worker, message);
      case "call":
        return void this.#callOut(worker, message);
      case "stopped":
        return this.#stopped?.();
    }
  }

  async #sendDatagrams(
    worker: Worker,
    { id, target, messages }: Extract<FromWorker, { type: "datagrams" }>,
  ): Promise<void> {
    let error: string | undefined;
    try {
      if (!this.#options.sendDatagrams) throw new Error("this role sends no datagrams");
      await this.#options.sendDatagrams(target, messages);
    } catch (failure) {
      error = messageOf(failure);
    }
    worker.postMessage({ type: "datagrams", id, error } satisfies ToWorker);
  }

  async #callOut(worker: Worker, { id, call }: Extract<FromWorker, { type: "call" }>): Promise<void> {
    const told: Extract<ToWorker, { type: "called" }> = { type: "called", id };
    try {
      if (!this.#options.callOut) throw new Error("this role makes no calls");
      told.answer = await this.#options.callOut(call);
    } catch (failure) {
      told.error = messageOf(failure);
    }
    worker.postMessage(told);
  }

  #watchSilence(worker: Worker): void {
    this.#silence?.cancel();
    this.#silence = this.#options.clock.after(SILENCE_MS, () => this.#crashed(worker, "it does not answer"));
  }

  #crashed(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return;
    this.#lose(worker);
    const { clock, report, onCrash } = this.#options;
    onCrash();
    if (this.#stopping) return this.#stopped?.();
    if (this.#phase === "draining") {
      // Its clients went with it, and it is to have no new ones.
      this.#phase = "ended";
      return report("error", `crashed while it waited for its last clients: ${reason}`);
    }
    this.#phase = "waiting";
    this.#restarts++;
    this.#lastFailure = reason.split("\n", 1)[0];
    if (clock.now() - this.#startedAt > STABLE_MS) this.#delay = FIRST_RESTART_MS;
    report("error", `crashed and is started again in ${this.#delay / 1000} s: ${reason}`);
    clock.after(this.#delay, () => {
      if (!this.#stopping && this.#phase === "waiting") this.#start();
    });
    this.#delay = Math.min(this.#delay * 2, MAX_RESTART_MS);
  }

  #lose(worker: Worker): void {
    worker.terminate();
    this.#worker = undefined;
    this.#authLostAt = undefined;
    this.#silence?.cancel();
    this.#asked?.resolve(undefined);
    this.#asked = undefined;
  }

  /** What the Worker says about itself; undefined when there is none or it does not answer within two seconds. */
  async report(): Promise<WorkerReport | undefined> {
    if (!this.#worker) return undefined;
    if (!this.#asked) {
      const asked = this.#asked = Promise.withResolvers();
      this.#options.clock.after(REPORT_MS, () => {
        asked.resolve(undefined);
        if (this.#asked === asked) this.#asked = undefined;
      });
      this.#worker.postMessage({ type: "report" } satisfies ToWorker);
    }
    return await this.#asked.promise;
  }

  /** Has the role take no new clients. From then on it is not started again. */
  drain(): void {
    if (this.#phase === "ready") {
      this.#phase = "draining";
      this.#worker?.postMessage({ type: "drain" } satisfies ToWorker);
    } else if (this.#phase !== "draining") {
      this.#phase = "ended"; // it has no clients yet
      if (this.#worker) this.#lose(this.#worker);
    }
  }

  /** Makes the role fail with an error that nobody catches; for tests of the restart. */
  crash(): void {
    this.#worker?.postMessage({ type: "crash" } satisfies ToWorker);
  }

  /** Asks the role to stop, and ends it after 1.5 seconds at the latest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#phase = "ended";
    this.#silence?.cancel();
    const worker = this.#worker;
    if (!worker) return;
    await new Promise<void>((resolve) => {
      this.#stopped = resolve;
      this.#options.clock.after(STOP_MS, resolve);
      worker.postMessage({ type: "stop" } satisfies ToWorker);
    });
    this.#lose(worker);
  }
}
