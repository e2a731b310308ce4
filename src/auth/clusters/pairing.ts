/**
 * Pairing with another cluster, both sides of it. The auth server makes the request and checks the answer; one of the
 * proxies carries both, since auth servers dial nobody. The request lies in the store meanwhile, so that any proxy and any
 * auth server can have their part in it.
 * @module
 */
import { Buffer } from "node:buffer";
import { type OpenedStatement, openStatement } from "../../api/cluster_statement.ts";
import {
  checkAnswer,
  type PairingAnswer,
  pairingAnswer,
  type PairingRequest,
  pairingRequest,
  provesToken,
  requireFresh,
} from "../../api/pairing_proof.ts";
import type { Clock } from "../../base/clock.ts";
import { MINUTE, SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { Secret } from "../../base/secret.ts";
import type { Backend, Key } from "../../store/backend.ts";
import type { Authorities } from "../ca/authorities.ts";
import { type JoinTokens, tokenId } from "../join/tokens.ts";

interface Job {
  id: string;
  webAddress: string;
  request: PairingRequest;
  taken: boolean;
}

interface Result {
  answer?: PairingAnswer;
  error?: string;
}

/** What a proxy may take for the call, and be looked for. */
const WAIT_MS = 25 * SECOND;
const LOOK_EVERY_MS = 100;
const jobKey = (id: string): Key => ["pairing_job", id];
const resultKey = (id: string): Key => ["pairing_result", id];

export class Pairing {
  /** @param onJob tells the proxies that there is something to take */
  constructor(
    readonly backend: Backend,
    readonly clock: Clock,
    readonly authorities: Authorities,
    readonly tokens: JoinTokens,
    readonly onJob: () => void,
  ) {}

  /**
   * Pairs with the cluster `to` at a web address. @returns its authorities
   * @throws {AppError} with the reason, be it the proxy's or the other cluster's
   */
  async with(to: string, webAddress: string, token: Secret<string>): Promise<OpenedStatement> {
    const now = this.clock.now();
    const request = pairingRequest(token, { to, statement: this.authorities.statement(now), now });
    const job: Job = { id: crypto.randomUUID(), webAddress, request, taken: false };
    const expires = this.clock.now() + MINUTE;
    await this.backend.commit([{ type: "put", key: jobKey(job.id), value: JSON.stringify(job), expires }]);
    try {
      this.onJob();
      const answer = await this.#answerTo(job);
      checkAnswer(token, request, answer);
      return openStatement(Buffer.from(answer.statement, "base64"), { now: this.clock.now() });
    } finally {
      await this.backend.commit([
        { type: "delete", key: jobKey(job.id) },
        { type: "delete", key: resultKey(job.id) },
      ]);
    }
  }

  async #answerTo({ id, webAddress }: Job): Promise<PairingAnswer> {
    const end = this.clock.now() + WAIT_MS;
    while (this.clock.now() < end) {
      const entry = await this.backend.get(resultKey(id));
      if (entry) {
        const { answer, error = "no answer" }: Result = JSON.parse(entry.value);
        if (answer) return answer;
        throw new AppError("unavailable", error);
      }
      await new Promise<void>((resolve) => this.clock.after(LOOK_EVERY_MS, resolve));
    }
    const entry = await this.backend.get(jobKey(id));
    const taken = entry !== undefined && (JSON.parse(entry.value) as Job).taken;
    throw new AppError(
      "timeout",
      taken
        ? `${webAddress} did not answer in time`
        : "no proxy of this cluster has taken the request up: start one, then try again",
    );
  }

  /** A request that no proxy has taken yet. */
  async take(): Promise<Omit<Job, "taken"> | undefined> {
    for (const { key, value, version, expires } of await this.backend.list(["pairing_job"])) {
      const { taken, ...job }: Job = JSON.parse(value);
      if (taken) continue;
      const mine = await this.backend.commit([
        { type: "check", key, version },
        { type: "put", key, value: JSON.stringify({ ...job, taken: true }), expires },
      ]);
      if (mine) return job;
    }
    return undefined;
  }

  /** Keeps what came of a request; of one that nobody waits for any more it is forgotten. */
  async finish(id: string, result: Result): Promise<void> {
    if (!await this.backend.get(jobKey(id))) return;
    const expires = this.clock.now() + MINUTE;
    await this.backend.commit([{ type: "put", key: resultKey(id), value: JSON.stringify(result), expires }]);
  }

  /**
   * The side that is asked: finds the token that the request was made with.
   * @returns what the other cluster states, and the answer for it
   * @throws {AppError} access_denied with one text for every token that is not good
   */
  async open(
    request: PairingRequest,
  ): Promise<{ statement: OpenedStatement; tokenId: string; answer: PairingAnswer }> {
    const usable = (await this.tokens.all()).filter((token) =>
      token.roles.includes("trusted_cluster") && this.tokens.refusal(token) === undefined
    );
    const proven = usable.filter(({ token }) => provesToken(token, request))[0];
    if (!proven) throw new AppError("access_denied", "the cluster token has been rejected");
    const now = this.clock.now();
    requireFresh(request, now);
    const { cluster } = this.authorities;
    if (request.to !== cluster) {
      throw new AppError(
        "bad_input",
        `the cluster at this address is called "${cluster}": metadata.name must be that`,
      );
    }
    const statement = openStatement(Buffer.from(request.statement, "base64"), { now });
    const answer = pairingAnswer(proven.token, request, this.authorities.statement(now));
    return { statement, tokenId: tokenId(proven.token), answer };
  }
}
