/**
 * Codes of an authenticator app as the second factor.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Secret } from "../../base/secret.ts";
import type { LocalAuth } from "../../model/resource/user.ts";
import { otpStep, otpUri } from "./otp.ts";
import {
  type FactorCheck,
  type FactorCredentials,
  type FactorProposal,
  noChallenge,
  refusalText,
  type SecondFactor,
} from "./second_factor.ts";

/** Stands in for the secret of a user who is not there. */
const NO_SECRET = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

export class OtpFactor implements SecondFactor {
  readonly kind = "otp";
  readonly refusal = refusalText("password or code");
  readonly notAccepted =
    "the code is wrong; enter the six digits that your authenticator shows now, and check this device's clock";
  readonly challenge = noChallenge;

  constructor(readonly clock: Clock, readonly cluster: string) {}

  propose(seed: string, user: string): FactorProposal {
    return { otpUri: otpUri(seed, user, this.cluster) };
  }

  accept(seed: string, answer: Secret<string>): Promise<FactorCredentials | undefined> {
    const step = otpStep(seed, answer, this.clock.now());
    return Promise.resolve(step === undefined ? undefined : { otpSecret: seed, lastOtpStep: step });
  }

  check(_user: string, known: LocalAuth | undefined, answer: Secret<string>): Promise<FactorCheck> {
    const step = otpStep(known?.otpSecret ?? NO_SECRET, answer, this.clock.now());
    return Promise.resolve(this.#judge(known, step));
  }

  #judge(known: LocalAuth | undefined, step: number | undefined): FactorCheck {
    if (!known?.otpSecret || step === undefined) return { proven: false, reason: "wrong code" };
    if (known.lastOtpStep === undefined || step > known.lastOtpStep) {
      return { proven: true, credentials: { lastOtpStep: step }, once: [] };
    }
    return {
      proven: false,
      reason: "the code was used before",
      used: "this code was used already; wait for the next one",
    };
  }
}
