/**
 * Security keys as the second factor.
 * @module
 */
import type { Clock } from "../../../base/clock.ts";
import { MINUTE } from "../../../base/duration.ts";
import type { Secret } from "../../../base/secret.ts";
import type { LocalAuth, SecurityKey } from "../../../model/resource/user.ts";
import {
  facetsOf,
  type KeyChallenge,
  relyingParty,
  type SecurityKeyPlace,
} from "../../../model/security_key.ts";
import type { Backend } from "../../../store/backend.ts";
import {
  type FactorCheck,
  type FactorCredentials,
  type FactorProposal,
  refusalText,
  type SecondFactor,
} from "../second_factor.ts";
import { type Expected, judgeBrowser, judgeRaw, parseAnswer, type Verdict } from "./answer.ts";
import { KeyChallenges } from "./challenge.ts";
import { registeredKey, registrationOptions } from "./registration.ts";

/** Stands in for the key of a user without one: the base point of P-256 (SEC 2, §2.4.2). */
const NO_KEY: SecurityKey = {
  id: "",
  publicKey: "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
  counter: 0,
  appId: "",
};

export class SecurityKeyFactor implements SecondFactor {
  readonly kind = "u2f";
  readonly refusal = refusalText("password or security key");
  readonly notAccepted =
    "the security key was not accepted: use this proxy by the address that the cluster's administrator gave, and a key that speaks FIDO U2F or FIDO2";
  readonly #challenges: KeyChallenges;

  constructor(
    backend: Backend,
    readonly clock: Clock,
    readonly cluster: string,
    readonly place: SecurityKeyPlace,
  ) {
    this.#challenges = new KeyChallenges(backend, clock);
  }

  propose(seed: string, user: string): FactorProposal {
    return { securityKey: registrationOptions(seed, { user, cluster: this.cluster, place: this.place }) };
  }

  async accept(seed: string, answer: Secret<string>): Promise<FactorCredentials | undefined> {
    const securityKey = await registeredKey(seed, answer, this.place);
    return securityKey && { securityKey };
  }

  async challenge(user: string, known: LocalAuth | undefined): Promise<KeyChallenge> {
    const [challenge, standIn] = await Promise.all([
      this.#challenges.issue(user),
      this.#challenges.standIn(user),
    ]);
    const keyHandle = known?.securityKey?.id ?? standIn;
    const host = relyingParty(this.place);
    return {
      version: "U2F_V2",
      appId: host,
      challenge,
      keyHandle,
      publicKey: {
        challenge,
        rpId: host,
        timeout: 5 * MINUTE,
        userVerification: "discouraged",
        allowCredentials: [{ type: "public-key", id: keyHandle }],
      },
    };
  }

  async check(user: string, known: LocalAuth | undefined, answer: Secret<string>): Promise<FactorCheck> {
    const key = known?.securityKey;
    const verdict = await this.#judge(
      user,
      key ?? { ...NO_KEY, id: await this.#challenges.standIn(user) },
      answer,
    );
    if (!key) return { proven: false, reason: "no security key is registered" };
    if (key.appId !== this.place.appId) {
      return { proven: false, reason: `the security key was registered for ${key.appId}` };
    }
    if ("reason" in verdict) return { proven: false, reason: verdict.reason };
    const { challenge, counter } = verdict;
    if (await this.#challenges.wasUsed(challenge)) {
      return { proven: false, reason: "this answer of the security key was used before" };
    }
    return {
      proven: true,
      credentials: { securityKey: { ...key, counter } },
      once: this.#challenges.use(challenge),
    };
  }

  async #judge(user: string, key: SecurityKey, answer: Secret<string>): Promise<Verdict> {
    const parsed = parseAnswer(answer);
    if (!parsed) return { reason: "no answer of a security key" };
    const expected: Expected = {
      key,
      relyingParty: relyingParty(this.place),
      facets: facetsOf(this.place),
      isCurrent: (challenge) => this.#challenges.isCurrent(user, challenge),
    };
    return "keyHandle" in parsed ? await judgeRaw(parsed, expected) : await judgeBrowser(parsed, expected);
  }
}
