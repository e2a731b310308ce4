/**
 * The start of an auth server whose store is not there yet: it waits, and says for what. A store that will not take this
 * server however long it waits is an error.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { SECOND } from "../base/duration.ts";
import { isAppError } from "../base/errors.ts";
import type { Files } from "../base/files.ts";
import { logger } from "../base/log.ts";
import type { Backend } from "../store/backend.ts";
import { openStore } from "../store/open.ts";
import type { StoreSettings } from "../model/store_settings.ts";

const log = logger("auth");
const FIRST_PAUSE_MS = SECOND;
const MAX_PAUSE_MS = 15 * SECOND;

/** @throws {AppError} when the configuration or the store's refusal is the reason */
export async function waitForStore(
  settings: StoreSettings,
  files: Pick<Files, "readText">,
  clock: Clock,
  open: typeof openStore = openStore,
): Promise<Backend> {
  // Nobody else will make an embedded store available.
  if (settings.type === "deno_kv") return await open(settings, files, clock);
  for (let pause = FIRST_PAUSE_MS;; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    try {
      return await open(settings, files, clock);
    } catch (error) {
      if (!isAppError(error, "unavailable")) throw error;
      // An error: what is less severe may not be logged, and nobody would know why nothing starts.
      log.error("waits for its store: {error}", { error: error.message });
      await new Promise<void>((resolve) => clock.after(pause, resolve));
    }
  }
}
