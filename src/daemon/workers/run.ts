/**
 * The inside of every role's Worker: takes the start message, runs the role, says how it goes.
 * @module
 */
import { systemClock } from "../../base/clock.ts";
import { isAppError, messageOf } from "../../base/errors.ts";
import { diskFiles } from "../../base/files.ts";
import { startLog } from "../../base/log.ts";
import type { RunningRole, StartRole } from "../../base/role.ts";
import { useAeadMaker } from "../../ssh/cipher.ts";
import type { FromWorker, StartMessage, ToWorker } from "../worker_protocol.ts";

const BEAT_MS = 5000;

/** The part of a dedicated Worker's global scope that is used here. */
interface WorkerScope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

/** Runs a role in this Worker until it is told to stop. */
export function runRole<Settings>(start: StartRole<Settings>): void {
  const scope = self as unknown as WorkerScope;
  let running: RunningRole | undefined;

  const begin = async (message: StartMessage<Settings>) => {
    const { severity, format } = message.log;
    await startLog(severity, format, (line) => scope.postMessage({ type: "log", line }));
    if (message.libcrypto !== undefined) {
      const { openLibcrypto } = await import("../../ssh/libcrypto.ts");
      useAeadMaker(openLibcrypto(message.libcrypto));
    }
    running = await start(message.settings, diskFiles, systemClock);
    scope.postMessage({ type: "ready" });
    setInterval(() => scope.postMessage({ type: "beat" }), BEAT_MS);
  };

  scope.onmessage = ({ data: message }) => {
    if (message.type === "start") {
      begin(message as StartMessage<Settings>).catch((error: unknown) => {
        const permanent = isAppError(error) && error.code !== "unavailable" && error.code !== "timeout";
        scope.postMessage({ type: "failed", message: messageOf(error), permanent });
      });
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
