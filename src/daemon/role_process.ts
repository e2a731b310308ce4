/**
 * One role's Worker under supervision: started with its own permissions, restarted with back-off when it crashes or
 * falls silent, stopped on request.
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import { MINUTE, SECOND } from "../base/duration.ts";
import type { Role } from "./config/daemon_config.ts";
import type { FromWorker, StartMessage, ToWorker } from "./worker_protocol.ts";

export interface RoleProcessOptions {
  role: Role;
  permissions: Deno.PermissionOptionsObject;
  /** The start message; made anew for each start, because sockets are handed over with it. */
  message(): StartMessage;
  clock: Clock;
  onLog(line: string): void;
  /** Something the administrator should know. */
  report(level: "info" | "warn" | "error", text: string): void;
}

const FIRST_RESTART_MS = 250;
const MAX_RESTART_MS = 30 * SECOND;
/** A role that ran this long starts with a short delay again. */
const STABLE_MS = MINUTE;
const SILENCE_MS = MINUTE;
const STOP_MS = 1500;

/** Beside this file in the sources; in the bundle of `deno task build`, below the folder of the chunks. */
function workerUrl(role: Role): URL {
  const bundled = !new URL(import.meta.url).pathname.endsWith("/src/daemon/role_process.ts");
  return new URL(bundled ? `./src/daemon/workers/${role}.js` : `./workers/${role}.ts`, import.meta.url);
}

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

  #start(): void {
    const { role, permissions, clock } = this.#options;
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
        this.#ciphers = message.ciphers;
        return this.#resolveReady();
      case "log":
        return this.#options.onLog(message.line);
      case "failed":
        if (message.permanent && !this.#everReady) {
          worker.terminate();
          this.#worker = undefined;
          this.#silence?.cancel();
          return this.#rejectReady(new Error(message.message));
        }
        return this.#crashed(worker, message.message);
      case "stopped":
        return this.#stopped?.();
    }
  }

  #watchSilence(worker: Worker): void {
    this.#silence?.cancel();
    this.#silence = this.#options.clock.after(SILENCE_MS, () => this.#crashed(worker, "it does not answer"));
  }

  #crashed(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return;
    worker.terminate();
    this.#worker = undefined;
    this.#silence?.cancel();
    if (this.#stopping) return this.#stopped?.();
    const { clock, report } = this.#options;
    if (clock.now() - this.#startedAt > STABLE_MS) this.#delay = FIRST_RESTART_MS;
    report("error", `crashed and is started again in ${this.#delay / 1000} s: ${reason}`);
    clock.after(this.#delay, () => {
      if (!this.#stopping) this.#start();
    });
    this.#delay = Math.min(this.#delay * 2, MAX_RESTART_MS);
  }

  /** Makes the role fail with an error that nobody catches; for tests of the restart. */
  crash(): void {
    this.#worker?.postMessage({ type: "crash" } satisfies ToWorker);
  }

  /** Asks the role to stop, and ends it after 1.5 seconds at the latest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#silence?.cancel();
    const worker = this.#worker;
    if (!worker) return;
    await new Promise<void>((resolve) => {
      this.#stopped = resolve;
      this.#options.clock.after(STOP_MS, resolve);
      worker.postMessage({ type: "stop" } satisfies ToWorker);
    });
    worker.terminate();
    this.#worker = undefined;
  }
}
