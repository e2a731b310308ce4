/**
 * The second factor that the configuration asks for.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { SecondFactorKind, SecurityKeyPlace } from "../../model/security_key.ts";
import type { Backend } from "../../store/backend.ts";
import { OtpFactor } from "./otp_factor.ts";
import { noSecondFactor, type SecondFactor } from "./second_factor.ts";
import { SecurityKeyFactor } from "./security_key/factor.ts";

/** @throws {AppError} bad_input when security keys are asked for and nothing says where they are used */
export function secondFactor(
  backend: Backend,
  clock: Clock,
  cluster: string,
  { secondFactor: kind, securityKeys }: {
    secondFactor: SecondFactorKind;
    securityKeys?: SecurityKeyPlace | undefined;
  },
): SecondFactor {
  if (kind === "off") return noSecondFactor;
  if (kind === "otp") return new OtpFactor(clock, cluster);
  if (!securityKeys) throw new AppError("bad_input", 'the second factor "u2f" needs an app_id');
  return new SecurityKeyFactor(backend, clock, cluster, securityKeys);
}
