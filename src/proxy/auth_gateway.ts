/**
 * The web front's way to auth, over the API.
 * @module
 */
import type { Caller } from "../api/client.ts";
import { AppError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import type { KeyChallenge } from "../model/security_key.ts";
import type { AuthGateway, Invite, IssuedLogin, LoginRequest } from "./web/gateway.ts";

export class ApiGateway implements AuthGateway {
  constructor(readonly api: Caller) {}

  async invite(token: Secret<string>, clientAddress: string): Promise<Invite> {
    return await this.api.call("signup.get", { token: token.reveal(), address: clientAddress });
  }

  async signup(
    token: Secret<string>,
    password: Secret<string>,
    factor: Secret<string>,
    clientAddress: string,
  ): Promise<void> {
    await this.api.call("signup.complete", {
      token: token.reveal(),
      password: password.reveal(),
      otp: factor.reveal(),
      address: clientAddress,
    });
  }

  async challenge(user: string): Promise<KeyChallenge> {
    return await this.api.call("login.challenge", { user });
  }

  async login(request: LoginRequest): Promise<IssuedLogin> {
    const answer = await this.api.call("login.password", {
      user: request.user,
      password: request.password.reveal(),
      otp: request.factor.reveal(),
      publicKey: request.publicKey,
      ttl: request.ttl,
      certFormat: request.certFormat,
      address: request.clientAddress,
    });
    if (answer.hostAuthorities.length === 0) throw new AppError("internal", "the cluster named no host CA");
    return {
      user: answer.user,
      certificate: answer.certificate,
      clusterName: answer.cluster,
      hostAuthorities: answer.hostAuthorities,
    };
  }
}
