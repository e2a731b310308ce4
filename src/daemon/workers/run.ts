/**
 * The inside of every role's Worker: takes the start message, runs the role, says how it goes.
 * @module
 */
import { systemClock } from "../../base/clock.ts";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import { diskFiles } from "../../base/files.ts";
import { logger, startLog } from "../../base/log.ts";
import { countedSoFar } from "../../base/metrics.ts";
import type { Outside, RunningRole, StartRole } from "../../base/role.ts";
import { useAlgorithms } from "../../ssh/algorithms.ts";
import { cipherProvider, useAeadMaker } from "../../ssh/cipher.ts";
import type { FromWorker, StartMessage, ToWorker, WorkerReport } from "../worker_protocol.ts";

const BEAT_MS = 5000;
/** For datagrams that the supervisor sends. */
const DATAGRAMS_MS = 60_000;
/** How much later than its own deadline a call's end is heard of. */
const LATE_MS = 5000;

/** The part of a dedicated Worker's global scope that is used here. */
interface WorkerScope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

/** libcrypto if this role may open it and it is new enough, else what the runtime has. */
async function chooseCiphers(libcrypto: string | undefined): Promise<void> {
  const log = logger("ssh");
  if (libcrypto !== undefined) {
    const { openLibcrypto } = await import("../../ssh/libcrypto.ts");
    try {
      useAeadMaker(openLibcrypto(libcrypto));
    } catch (error) {
      if (!isAppError(error, "unavailable")) throw error;
      log.warn("{error}; packet ciphers will be slower", { error: error.message });
    }
  }
  log.info("packet ciphers: {provider}", { provider: cipherProvider() });
}

function report(running: RunningRole | undefined): WorkerReport {
  const { heapUsed, heapTotal, external } = Deno.memoryUsage();
  return { state: running?.state(), metrics: countedSoFar(), memory: { heapUsed, heapTotal, external } };
}

/** Runs a role in this Worker until it is told to stop. */
export function runRole<Settings>(start: StartRole<Settings>): void {
  const scope = self as unknown as WorkerScope;
  let running: RunningRole | undefined;
  const asked = new Map<number, (error: string | undefined) => void>();
  const called = new Map<number, (message: Extract<ToWorker, { type: "called" }>) => void>();
  let lastAsked = 0;
  const outside: Outside = {
    keepAuthServers: (addresses) => scope.postMessage({ type: "auth_servers", addresses: [...addresses] }),
    sendDatagrams: (target, messages) =>
      new Promise((resolve, reject) => {
        const id = ++lastAsked;
        const timer = systemClock.after(DATAGRAMS_MS, () => asked.get(id)?.("no answer in time"));
        asked.set(id, (error) => {
          asked.delete(id);
          timer.cancel();
          if (error === undefined) resolve();
          else reject(new AppError("unavailable", error));
        });
        scope.postMessage({ type: "datagrams", id, target, messages });
      }),
    callOut: (call) =>
      new Promise((resolve, reject) => {
        const id = ++lastAsked;
        const timer = systemClock.after(
          call.timeoutMs + LATE_MS,
          () => called.get(id)?.({ type: "called", id, error: "no answer in time" }),
        );
        called.set(id, ({ answer, error = "no answer" }) => {
          called.delete(id);
          timer.cancel();
          if (answer) resolve(answer);
          else reject(new AppError("unavailable", error));
        });
        scope.postMessage({ type: "call", id, call });
      }),
  };

  const begin = async (message: StartMessage<Settings>) => {
    await startLog(message.log, (entry) => scope.postMessage({ type: "log", entry }));
    await chooseCiphers(message.libcrypto);
    useAlgorithms(message.algorithms);
    const beat = () => scope.postMessage({ type: "beat", authConnected: running?.state().authConnected });
    setInterval(beat, BEAT_MS); // already now: the start may wait for others
    running = await start(message.settings, diskFiles, systemClock, outside);
    scope.postMessage({ type: "ready", ciphers: cipherProvider() });
  };

  scope.onmessage = ({ data: message }) => {
    if (message.type === "start") {
      begin(message as StartMessage<Settings>).catch((error: unknown) => {
        const permanent = isAppError(error) && error.code !== "unavailable" && error.code !== "timeout";
        scope.postMessage({ type: "failed", message: messageOf(error), permanent });
      });
    } else if (message.type === "report") {
      scope.postMessage({ type: "report", report: report(running) });
    } else if (message.type === "datagrams") {
      asked.get(message.id)?.(message.error);
    } else if (message.type === "called") {
      called.get(message.id)?.(message);
    } else if (message.type === "drain") {
      running?.drain();
    } else if (message.type === "stop") {
      Promise.resolve(running?.stop()).finally(() => scope.postMessage({ type: "stopped" }));
    } else if (message.type === "crash") {
      // Only tests send this: an error nobody catches, as a bug would raise it.
      setTimeout(() => {
        throw new Error("crash on request");
      }, 0);
    }
  };
  scope.postMessage({ type: "loaded" });
}
