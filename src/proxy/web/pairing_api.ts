/**
 * Where another cluster asks to pair with this one.
 * @module
 */
import { Hono } from "hono";
import { type PairingAnswer, type PairingRequest, pairingRequestSchema } from "../../api/pairing_proof.ts";
import type { Clock } from "../../base/clock.ts";
import { RateLimit } from "../../base/rate_limit.ts";
import { VALIDATE_PATH } from "../tunnels/pairing_call.ts";
import type { WebApp, WebEnv } from "./context.ts";
import { limitRate } from "./rate_limit.ts";
import { jsonBody } from "./request_body.ts";

/** @param address the client's */
export type PairClusters = (request: PairingRequest, address: string) => Promise<PairingAnswer>;

/** Administrators pair clusters by hand, now and then; anybody faster guesses tokens. */
const BURST = 10, PER_SECOND = 0.2;

export function pairingApi(pair: PairClusters, clock: Clock): WebApp {
  const api = new Hono<WebEnv>();
  const limit = new RateLimit({ clock, burst: BURST, perSecond: PER_SECOND });
  api.post(VALIDATE_PATH, limitRate(limit), async (c) => {
    const request = await jsonBody(c, pairingRequestSchema);
    return c.json(await pair(request, c.get("clientAddress")));
  });
  return api;
}
