/**
 * `--diag-addr`: health, readiness and metrics over HTTP, for load balancers and Prometheus.
 *
 * | path | answer |
 * |---|---|
 * | `/healthz` | 200 as long as the process runs |
 * | `/readyz` | 200 when every role serves, else 503; with the reasons, by role |
 * | `/metrics` | Prometheus' text format |
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { SECOND } from "../base/duration.ts";
import type { ListeningSocket } from "./listener.ts";
import { LIBRARY_ENV } from "./permissions.ts";
import { CONTENT_TYPE, prometheusText } from "./prometheus.ts";
import { readinessOf } from "./readiness.ts";
import type { DaemonReport } from "./report.ts";
import { workerUrl } from "./worker_url.ts";
import type { FromDiagnostics, Page, PageText, ToDiagnostics } from "./workers/diagnostics.ts";

export interface DiagnosticsOptions {
  socket: ListeningSocket;
  report(): Promise<DaemonReport>;
  /** True when the daemon waits for its last clients. */
  leaving(): boolean;
  /** For the log. */
  warn(text: string): void;
  clock: Clock;
}

const RESTART_MS = 5 * SECOND;
const JSON_TYPE = "application/json";

export class DiagnosticsServer {
  readonly #options: DiagnosticsOptions;
  #worker: Worker | undefined;
  #closed = false;

  constructor(options: DiagnosticsOptions) {
    this.#options = options;
    this.#start();
  }

  #start(): void {
    const { socket, warn, clock } = this.#options;
    const worker = this.#worker = new Worker(workerUrl("diagnostics"), {
      type: "module",
      name: "diagnostics",
      deno: {
        permissions: {
          net: false,
          read: false,
          write: false,
          ffi: false,
          run: false,
          sys: false,
          import: false,
          env: LIBRARY_ENV,
        },
      },
    });
    const send = (message: ToDiagnostics) => worker.postMessage(message);
    worker.onmessage = ({ data }: MessageEvent<FromDiagnostics>) => {
      if (data.type === "loaded") return send({ type: "serve", fd: socket.duplicate() });
      void this.#page(data.page).then((page) => send({ type: "page", id: data.id, page }));
    };
    worker.onerror = (event) => {
      event.preventDefault(); // otherwise the error would end the whole daemon
      worker.terminate();
      warn(`the diagnostics are started again in ${RESTART_MS / SECOND} s: ${event.message}`);
      clock.after(RESTART_MS, () => {
        if (!this.#closed) this.#start();
      });
    };
  }

  async #page(page: Page): Promise<PageText> {
    const { report, leaving } = this.#options;
    if (page === "health") return { status: 200, type: JSON_TYPE, text: `{"status":"ok"}\n` };
    if (page === "metrics") return { status: 200, type: CONTENT_TYPE, text: prometheusText(await report()) };
    const readiness = readinessOf(await report(), leaving());
    return {
      status: readiness.status === "ok" ? 200 : 503,
      type: JSON_TYPE,
      text: `${JSON.stringify(readiness)}\n`,
    };
  }

  close(): void {
    this.#closed = true;
    this.#worker?.terminate();
  }
}
