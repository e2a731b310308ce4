/**
 * Pairings that wait for a proxy to make the call.
 * @module
 */
import type { Caller } from "../../api/client.ts";
import type { HostPort } from "../../base/dial.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import type { ConnectProxy } from "../../base/proxy_choice.ts";
import { hostOf, portOf } from "../../model/server.ts";
import { callForPairing } from "./pairing_call.ts";

export interface JobSurroundings {
  api: Caller;
  /** Accept any HTTPS certificate. */
  insecure: boolean;
  /** Whom to believe about HTTPS servers, PEM. */
  authorities(): Promise<string | undefined>;
}

/** Enough for what administrators do by hand. */
const MAX_JOBS = 8;

/** Takes what waits, and makes each call without anybody waiting for it. */
export async function takeJobs(
  around: JobSurroundings,
  proxyFor: (target: HostPort) => ConnectProxy | undefined,
): Promise<void> {
  for (let i = 0; i < MAX_JOBS; i++) {
    const { job } = await around.api.call("pairing.take", {});
    if (!job) return;
    void work(around, job, proxyFor);
  }
}

type Job = Parameters<typeof callForPairing>[0]["request"];

async function work(
  { api, insecure, authorities }: JobSurroundings,
  { id, webAddress, request }: { id: string; webAddress: string; request: Job },
  proxyFor: (target: HostPort) => ConnectProxy | undefined,
): Promise<void> {
  try {
    const address = { host: hostOf(webAddress), port: portOf(webAddress) ?? 3080 };
    const ca = await authorities() ?? "";
    const answer = await callForPairing({ address, request, insecure, ca, proxy: proxyFor(address) });
    await api.call("pairing.finish", { id, answer });
  } catch (error) {
    if (!isAppError(error)) throw error;
    await tell(api, id, error);
  }
}

/** When auth is away, whoever waits for the result hears of it there. */
async function tell(api: Caller, id: string, error: AppError): Promise<void> {
  try {
    await api.call("pairing.finish", { id, error: error.message.slice(0, 1000) });
  } catch (failure) {
    if (!isAppError(failure)) throw failure;
  }
}
