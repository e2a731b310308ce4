/**
 * A daemon from its start to its end, and what signals make of it:
 *
 * | signal | effect |
 * |---|---|
 * | TERM, INT | ends at once; connections are dropped |
 * | QUIT | takes no new connections and ends when the last one is gone; a second signal ends it at once |
 * | USR1 | tells the log how it is, and opens the log file anew |
 * | USR2 | starts another daemon, which takes new connections beside this one |
 * | HUP | starts another daemon, then ends like QUIT; opens the log file anew |
 * @module
 */
import { systemClock } from "../base/clock.ts";
import { formatHostPort } from "../base/dial.ts";
import { messageOf } from "../base/errors.ts";
import type { DaemonConfig } from "./config/daemon_config.ts";
import { writeDaemonState } from "./data_directory.ts";
import { describeDaemon } from "./diagnostics.ts";
import { DiagnosticsServer } from "./diagnostics_server.ts";
import type { Predecessor } from "./handover/predecessor.ts";
import type { DaemonCommand } from "./handover/program.ts";
import { Successor } from "./handover/successor.ts";
import type { LogOutput } from "./log/output.ts";
import { removePidFile, writePidFile } from "./pid_file.ts";
import { reportOn } from "./report.ts";
import { type Daemon, startDaemon } from "./supervisor.ts";
import { waitForClients } from "./last_clients.ts";

export interface LifecycleOptions {
  config: DaemonConfig;
  output: LogOutput;
  /** How to start a daemon that takes over. */
  command: DaemonCommand;
  predecessor: Predecessor | undefined;
  /** The sockets are open and the roles are starting. */
  onStarted(daemon: Daemon): void;
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

/**
 * Runs a daemon to its end.
 * @returns undefined when it was asked to end, the reason when a role could not start
 * @throws {AppError} when it could not get as far as that
 */
export async function runDaemon(options: LifecycleOptions): Promise<string | undefined> {
  // From here on: the default action of most of these signals is to end the process.
  const early: Signal[] = [];
  let handle = (signal: Signal): unknown => early.push(signal);
  const listeners = SIGNALS.map((signal) => ({ signal, listener: () => void handle(signal) }));
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  try {
    const { config, output, predecessor } = options;
    const daemon = await startDaemon(config, output, predecessor);
    const lifecycle = new Lifecycle(options, daemon);
    handle = (signal) => lifecycle.onSignal(signal);
    for (const signal of early) lifecycle.onSignal(signal);
    return await lifecycle.run();
  } finally {
    for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
  }
}

class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #daemon: Daemon;
  readonly #end = Promise.withResolvers<void>();
  #phase: "starting" | "serving" | "leaving" | "ended" = "starting";
  #successor: Successor | undefined;
  /** Settles when the successor serves, or never will. */
  #handover: Promise<void> = Promise.resolve();
  /** Whether the successor runs and serves. */
  #succeeded = false;
  #diagnostics: DiagnosticsServer | undefined;

  constructor(options: LifecycleOptions, daemon: Daemon) {
    this.#options = options;
    this.#daemon = daemon;
  }

  async run(): Promise<string | undefined> {
    const { onStarted, predecessor } = this.#options;
    const daemon = this.#daemon;
    onStarted(daemon);
    if (!predecessor) this.#startDiagnostics(); // else that one answers until this one is ready
    const outcome = await Promise.race([
      daemon.ready.then(() => ({ ready: true, failure: undefined }), (error) => ({
        ready: false,
        failure: messageOf(error),
      })),
      this.#end.promise.then(() => ({ ready: false, failure: undefined })),
    ]);
    if (outcome.ready) {
      this.#phase = "serving";
      await this.#announce();
      if (predecessor) this.#startDiagnostics();
      predecessor?.ready();
      await this.#end.promise;
    }
    this.#phase = "ended";
    this.#diagnostics?.close();
    await Promise.all([daemon.stop(), this.#succeeded ? undefined : this.#successor?.kill()]);
    await this.#withdraw();
    return outcome.failure;
  }

  #startDiagnostics(): void {
    const socket = this.#daemon.sockets.get("diagnostics");
    if (!socket) return;
    if (!isLoopback(socket.address.host)) {
      this.#report(
        "warn",
        `health and metrics are shown on ${formatHostPort(socket.address)}, to whoever asks`,
      );
    }
    this.#diagnostics = new DiagnosticsServer({
      socket,
      report: () => reportOn(this.#daemon),
      leaving: () => this.#phase === "leaving",
      warn: (text) => this.#report("warn", text),
      clock: systemClock,
    });
  }

  /** Tells other programs that this is the process that serves. */
  async #announce(): Promise<void> {
    const { dataDir, pidFile } = this.#options.config;
    const { roles, addresses } = this.#daemon;
    const ciphers = Object.fromEntries([...roles].map(([role, process]) => [role, process.ciphers]));
    await writeDaemonState(dataDir, { pid: Deno.pid, addresses, ciphers });
    if (pidFile !== undefined) await writePidFile(pidFile);
  }

  async #withdraw(): Promise<void> {
    const { pidFile } = this.#options.config;
    const trouble = pidFile === undefined ? undefined : await removePidFile(pidFile);
    if (trouble !== undefined) this.#report("warn", trouble);
  }

  #report(level: "info" | "warn" | "error", text: string): void {
    this.#options.output.report(level, "daemon", text);
  }

  /** Nothing here waits: signals are answered also while others are being dealt with. */
  onSignal(signal: Signal): void {
    const { output } = this.#options;
    switch (signal) {
      case "SIGTERM":
      case "SIGINT":
        return this.#end.resolve();
      case "SIGQUIT":
        if (this.#phase !== "serving") return this.#end.resolve();
        return void this.#leave("by QUIT");
      case "SIGUSR1":
        output.reopen();
        return void this.#describe();
      case "SIGUSR2":
        return void this.#replace(false);
      case "SIGHUP":
        output.reopen();
        return void this.#replace(true);
    }
  }

  async #describe(): Promise<void> {
    const successor = this.#successor && this.#succeeded ? this.#successor.pid : undefined;
    const text = await describeDaemon(this.#daemon, { phase: this.#phase, successor });
    this.#options.output.tell("diagnostics", text);
  }

  /** Waits for the last client, then ends. */
  async #leave(why: string): Promise<void> {
    if (this.#phase !== "serving") return this.#report("warn", "waits for its last clients already");
    this.#phase = "leaving";
    if (!this.#succeeded) await this.#successor?.kill();
    await this.#handover; // the clients that are left need auth, wherever it is by now
    if (this.#ended()) return;
    if (this.#succeeded) this.#diagnostics?.close(); // the other process answers from now on
    this.#report("info", `takes no more connections (${why}) and ends when the last one is gone`);
    this.#daemon.drain();
    await waitForClients(this.#daemon, systemClock, {
      over: () => this.#phase === "ended",
      report: (text) => this.#report("info", text),
    });
    this.#end.resolve();
  }

  /** Starts a daemon that takes over. @param leave whether this one is to end after its last client */
  async #replace(leave: boolean): Promise<void> {
    const name = leave ? "HUP" : "USR2";
    if (this.#phase !== "serving") {
      return this.#report("warn", `${name} has no effect: this daemon is ${this.#phase}`);
    }
    if (this.#successor) {
      if (leave && this.#succeeded) return await this.#leave("by HUP");
      return this.#report("warn", `${name} has no effect: process ${this.#successor.pid} takes over already`);
    }
    this.#handover = this.#handOver(name);
    await this.#handover;
    if (leave && this.#succeeded) await this.#leave("by HUP");
  }

  async #handOver(name: string): Promise<void> {
    const { command } = this.#options;
    try {
      const successor = this.#successor = Successor.start(command, this.#daemon);
      this.#daemon.daemons.add(successor.pid);
      this.#report("info", `process ${successor.pid} was started and is to take over (by ${name})`);
      await successor.ready(() => this.#daemon.releaseAuth());
      this.#succeeded = true;
      this.#report("info", `process ${successor.pid} is ready and takes new connections`);
      void successor.gone.then(() => this.#successorEnded(successor));
    } catch (error) {
      this.#successor = undefined;
      if (this.#ended()) return;
      if (this.#phase === "leaving") this.#report("info", "the new daemon was ended before it took over");
      else {
        this.#report(
          "error",
          `the new daemon did not come up, this one stays in service: ${messageOf(error)}`,
        );
      }
      this.#daemon.takeAuthBack();
    }
  }

  async #successorEnded({ pid }: Successor): Promise<void> {
    this.#successor = undefined;
    this.#succeeded = false;
    if (this.#phase !== "serving") return;
    this.#report("warn", `process ${pid} has ended; this one serves alone again`);
    this.#daemon.takeAuthBack();
    try {
      await this.#announce();
    } catch (error) {
      this.#report("error", `the pid file or the daemon's state cannot be written: ${messageOf(error)}`);
    }
  }

  #ended(): boolean {
    return this.#phase === "ended";
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
